//! The engine `process`: scripts run as processes of this machine, under the same agent, without isolation. It is for
//! machines without containers and for developing scripts. Limits on memory, processors and processes do not apply.

use super::survivors::{end_below, end_marked};
use super::{
    Container, Ended, Engine, EngineError, EngineFacts, Held, Instance, Interpreters, Policy, RunImage,
    ScriptEnvironment, ScriptUser, Shape, existing, wait_for,
};
use crate::ImageStore;
use crate::listener::{Peers, SOCKET_PATH_BYTES};
use crate::task::blocking;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_config::settings::Settings;
use longshore_model::engine_kind::EngineKind;
use longshore_os::locked_folder::{LockedFolder, TEMPORARY, remove_abandoned};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

/// The script's working folder, in the run directory.
const WORK: &str = "work";

/// The engine without containers.
#[derive(Debug)]
pub(crate) struct Process {
    agent: PathBuf,
    interpreters: Interpreters,
    work_folder: PathBuf,
}

impl Process {
    /// Finds the agent.
    pub(crate) fn new(settings: &Settings) -> Result<Self, EngineError> {
        let agent = existing(&settings.agent).ok_or_else(|| EngineError::NoAgent { path: settings.agent.clone() })?;
        let interpreters = Interpreters::of_machine(settings);
        Ok(Self { agent, interpreters, work_folder: settings.work_folder.clone() })
    }

    /// Creates the run directory, and in it the script's working folder, which must not contain the directory's marker.
    async fn folder(&self, run_id: &str) -> Result<(LockedFolder, PathBuf), EngineError> {
        let (parent, name) = (self.work_folder.clone(), format!("{TEMPORARY}{run_id}"));
        let path = parent.join(&name);
        let make = move || {
            let folder = LockedFolder::create(&parent, &name, 0o700)?;
            let work = folder.path().join(WORK);
            folder.subfolder(WORK)?;
            Ok((folder, work))
        };
        blocking(make).await.map_err(|source| EngineError::RunDirectory { path, source })
    }

    async fn start(&self, shape: &Shape, instance: Instance<'_>) -> Result<Box<dyn Container>, EngineError> {
        let socket = instance.directory.socket();
        let bytes = socket.as_os_str().len();
        if bytes > SOCKET_PATH_BYTES {
            return Err(EngineError::SocketPath { path: socket, bytes });
        }
        let (folder, work) = self.folder(instance.name).await?;
        let parent = self.work_folder.clone();
        let sweeping = tokio::task::spawn_blocking(move || remove_abandoned(&parent, TEMPORARY));
        let agent = Command::new(&self.agent)
            .arg(&socket)
            .env_clear()
            // The survivors' search finds the agent and its children by this variable if the agent ends before them.
            .env("LONGSHORE_SOCKET", &socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Ctrl-C at a terminal is handled by the host.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| EngineError::StartAgent { path: self.agent.clone(), source })?;
        let interpreters = self.interpreters.clone().with(shape.python.as_deref(), &shape.r_libraries);
        let script_environment =
            ScriptEnvironment { interpreters, folder: work.to_string_lossy().into_owned(), user: None };
        let pid = agent.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let descriptor = pid.and_then(|pid| Some((pid, Arc::new(pidfd_open(pid, PidfdFlags::empty()).ok()?))));
        let (seen, ended) = watch::channel(None);
        let waiting = tokio::spawn(wait_until_gone(agent, socket.clone(), folder, sweeping, seen)).abort_handle();
        Ok(Box::new(ProcessContainer { agent: descriptor, socket, script_environment, ended, waiting }))
    }
}

impl Engine for Process {
    fn kind(&self) -> EngineKind {
        EngineKind::Process
    }

    fn images(&self) -> Option<Arc<dyn ImageStore>> {
        None
    }

    fn script_user(&self, _image: Option<&RunImage>, _writes: bool) -> Option<ScriptUser> {
        None
    }

    fn peers(&self, _user: Option<&ScriptUser>) -> Peers {
        Peers::Own
    }

    fn facts(&self) -> BoxFuture<'_, Option<EngineFacts>> {
        std::future::ready(None).boxed()
    }

    fn policy<'a>(
        &'a self,
        _shape: &'a Shape,
        _user: Option<&'a ScriptUser>,
        _folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Policy>, EngineError>> {
        std::future::ready(Ok(None)).boxed()
    }

    fn launch<'a>(
        &'a self,
        shape: &'a Shape,
        instance: Instance<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>> {
        self.start(shape, instance).boxed()
    }
}

/// An agent and its processes.
struct ProcessContainer {
    /// The agent's process id, which may be reused once the agent was reaped.
    agent: Option<(Pid, Arc<OwnedFd>)>,
    /// The socket's path, which is in the environments of its processes.
    socket: PathBuf,
    script_environment: ScriptEnvironment,
    /// The end, as seen by the task that waits for it.
    ended: watch::Receiver<Option<Ended>>,
    /// The task that owns the agent's process and the folder, and removes both.
    waiting: AbortHandle,
}

async fn wait_until_gone(
    mut agent: Child,
    socket: PathBuf,
    folder: LockedFolder,
    sweeping: JoinHandle<()>,
    seen: watch::Sender<Option<Ended>>,
) {
    let status = agent.wait().await;
    // An agent that exits by itself has ended all its descendants before. One that fails may leave processes, as a
    // script can cause on purpose.
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        let _ = tokio::task::spawn_blocking(move || end_marked(&socket)).await;
    }
    // If removing the folders fails, the next run removes them.
    let _ = sweeping.await;
    let _ = tokio::task::spawn_blocking(move || drop(folder)).await;
    seen.send_replace(Some(match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Exited(code.into()),
            (None, Some(signal)) => Ended::Killed(signal.into()),
            (None, None) => Ended::Unknown,
        },
        Err(_) => Ended::Unknown,
    }));
}

impl Container for ProcessContainer {
    fn script_environment(&self) -> ScriptEnvironment {
        self.script_environment.clone()
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn held(&self) -> Option<Held> {
        None
    }

    fn wait(&self) -> BoxFuture<'static, Ended> {
        wait_for(self.ended.clone()).boxed()
    }

    fn kill(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        let Some((pid, agent)) = self.agent.clone() else {
            return std::future::ready(Ok(())).boxed();
        };
        let socket = self.socket.clone();
        let kill = move || {
            // Stopped first, so that processes detached by the script stay below it.
            if pidfd_send_signal(&agent, Signal::STOP).is_ok() {
                end_below(pid);
                // A process that has ended since needs no signal.
                let _ = pidfd_send_signal(&agent, Signal::KILL);
            } else {
                end_marked(&socket);
            }
        };
        // An error is seen by the caller that waits for the end.
        async move {
            let _ = tokio::task::spawn_blocking(kill).await;
            Ok(())
        }
        .boxed()
    }
}

impl Drop for ProcessContainer {
    fn drop(&mut self) {
        if self.ended.borrow().is_some() {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            // Not awaited: the task that waits for the agent removes the folder.
            Ok(runtime) if self.agent.is_some() => drop(runtime.spawn(self.kill())),
            _ => self.waiting.abort(),
        }
    }
}
