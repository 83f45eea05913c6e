//! Containers over the Engine API, Docker's and Podman's alike. This file owns the policy of a container: what it may
//! and may not do is written down here and nowhere else.

use super::image::AGENT;
use super::installed::NoAnswer;
use super::{Container, Ended, Engine, EngineError, EngineKind, Launch, RunImage, Workplace, existing, wait_for};
use crate::session::Peers;
use crate::settings::Settings;
use crate::spec::Network;
use crate::store::{DockerStore, ImageStore, NamedContainer};
use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error as ApiError;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
};
use bollard::query_parameters::{
    EventsOptionsBuilder, KillContainerOptions, StartContainerOptions, WaitContainerOptions,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use longshore_protocol::User;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Seconds until an answer of the engine is given up.
const TIMEOUT_SECONDS: u64 = 120;

/// The user that scripts run as.
pub(crate) const SCRIPT_USER: User = User { uid: 4356, gid: 4357 };

/// The working folder in a container.
const WORK_FOLDER: &str = "/work";

/// The folder of the run's socket in a container.
const SOCKET_FOLDER: &str = "/run/longshore";

/// Where this machine's agent is mounted in images that have none. No image has anything there.
const MOUNTED_AGENT: &str = "/run/longshore-agent";

/// How long it takes until an engine that broke off is asked again.
const WAIT_AGAIN: Duration = Duration::from_millis(200);

/// What ends a process for want of memory.
const SIGKILL: i64 = 9;

/// How long an engine may take to say what happened to a container.
const EVENTS_DEADLINE: Duration = Duration::from_secs(5);

/// An engine that speaks the Engine API.
#[derive(Debug)]
pub(crate) struct Docker {
    api: bollard::Docker,
    images: DockerStore,
    /// This machine's agent, for images that have none. It need not be there.
    agent: PathBuf,
    peers: Peers,
}

/// Connects to an engine, and sees that it answers. Requests name no version of the Engine API, so that each engine
/// speaks its own; to settle on one would cost what the engine needs to ask its parts for theirs.
pub(crate) async fn connect(socket: &Path) -> Result<bollard::Docker, NoAnswer> {
    let connected =
        match bollard::Docker::connect_with_unix(&socket.to_string_lossy(), TIMEOUT_SECONDS, API_DEFAULT_VERSION) {
            Ok(api) => api.ping().await.map(|_| api),
            Err(error) => Err(error),
        };
    match connected {
        Ok(api) => Ok(api),
        Err(error) => Err(NoAnswer::explain(socket, error.into()).await),
    }
}

impl Docker {
    /// Connects, and sees that it answers.
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, EngineError> {
        let socket = &settings.engine_socket;
        let api = connect(socket).await?;
        // An engine that runs in a user namespace is that of who owns its socket.
        let file = socket.clone();
        let found = tokio::task::spawn_blocking(move || std::fs::metadata(file)).await;
        let owner = found.map_or(0, |found| found.map_or(0, |found| found.uid()));
        let peers = Peers::Contained { engine: owner };
        Ok(Self { images: DockerStore::new(api.clone(), settings), api, agent: settings.agent.clone(), peers })
    }

    async fn start(&self, launch: Launch<'_>) -> Result<Box<dyn Container>, EngineError> {
        let agent = self.agent_to_mount(launch.image)?;
        // The engine takes a path, and what is there by now must be what was checked.
        if let Some(gone) = launch.mounts.iter().find(|file| !file.is_in_place()) {
            return Err(EngineError::Replaced { path: gone.path.clone() });
        }
        let policy = policy(&launch, agent.as_deref());
        let mut container = self.images.container(launch.run_id).await;
        container.create(policy).await.map_err(|error| match error {
            ApiError::DockerResponseServerError { status_code: 404, message } if message.contains("image") => {
                EngineError::ImageGone
            }
            source => EngineError::Engine { doing: "creating the container", source },
        })?;
        let (seen, ended) = watch::channel(None);
        // Asked before the start: the container removes itself when it ends, and takes its exit code with it.
        let waiting = tokio::spawn(wait_until_gone(self.api.clone(), container.name().to_owned(), seen)).abort_handle();
        let workplace = workplace(launch.image);
        let mut container = DockerContainer { api: self.api.clone(), container, workplace, ended, waiting };
        let started = self.api.start_container(container.container.name(), None::<StartContainerOptions>).await;
        if let Err(source) = started {
            // It may have removed itself already.
            let _ = container.container.remove().await;
            return Err(match launch.image {
                Some(image)
                    if agent.is_none() && source.to_string().contains(&format!("stat {AGENT}: no such file")) =>
                {
                    EngineError::AgentNotInImage { image: image.name.clone(), path: AGENT }
                }
                _ => EngineError::Engine { doing: "starting the container", source },
            });
        }
        Ok(Box::new(container))
    }

    /// This machine's agent, where the image has none.
    fn agent_to_mount(&self, image: Option<&RunImage>) -> Result<Option<PathBuf>, EngineError> {
        let Some(image) = image.filter(|image| !image.has_agent) else {
            return Ok(None);
        };
        // Links are followed here, since the engine may see another file system than this program does.
        let found = existing(&self.agent).and_then(|agent| agent.canonicalize().ok()).filter(|agent| agent.is_file());
        let missing = || EngineError::NoAgentForImage { image: image.name.clone(), path: self.agent.clone() };
        found.map(Some).ok_or_else(missing)
    }
}

impl Engine for Docker {
    fn kind(&self) -> EngineKind {
        EngineKind::Docker
    }

    fn images(&self) -> Option<&dyn ImageStore> {
        Some(&self.images)
    }

    fn peers(&self) -> Peers {
        self.peers
    }

    fn launch<'a>(&'a self, launch: Launch<'a>) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>> {
        self.start(launch).boxed()
    }
}

/// How scripts are run in a container of an image.
fn workplace(image: Option<&RunImage>) -> Workplace {
    Workplace {
        python: "python3".into(),
        rscript: "Rscript".into(),
        r_library: None,
        path: image.map_or_else(String::new, |image| image.path.clone()),
        environment: image.map_or_else(Vec::new, |image| image.environment.clone()),
        folder: WORK_FOLDER.into(),
        user: Some(SCRIPT_USER),
    }
}

/// Everything that is mounted. Unlike binds mounts take any path, also one with a colon, and make no folder where nothing
/// is.
fn mounts(launch: &Launch<'_>, agent: Option<&Path>) -> Vec<Mount> {
    let bind = |source: &Path, target: String, writable: bool| Mount {
        target: Some(target),
        source: Some(source.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(!writable),
        ..Mount::default()
    };
    let named = launch.mounts.iter().map(|mount| bind(&mount.path, mount.path.display().to_string(), mount.writable));
    let agent = agent.map(|agent| bind(agent, MOUNTED_AGENT.into(), false));
    named.chain(agent).collect()
}

/// What a container may do: nothing that is not written here.
fn policy(launch: &Launch<'_>, agent: Option<&Path>) -> ContainerCreateBody {
    let limits = launch.limits;
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    // A tmpfs is bounded by the memory limit anyway; the size makes a full one an error instead of a kill. It is open to
    // all, since Podman lets nobody name an owner, and the container has one user only.
    let tmpfs = format!("rw,nosuid,nodev,exec,size={},mode=1777", limits.memory_bytes);
    let named = |path: &str| launch.mounts.iter().any(|mount| mount.path == Path::new(path));
    let volumes = launch.image.into_iter().flat_map(|image| &image.volumes).filter(|path| !named(path));
    let tmpfs =
        [WORK_FOLDER, "/tmp"].into_iter().chain(volumes.map(String::as_str)).map(|path| (path.into(), tmpfs.clone()));
    let binds = vec![format!("{}:{SOCKET_FOLDER}:ro", launch.place.folder().display())];
    let network = match launch.network {
        Network::None => "none".to_owned(),
        Network::Bridge => "bridge".to_owned(),
        Network::Named(name) => name.as_str().to_owned(),
    };
    let host_config = HostConfig {
        binds: Some(binds),
        mounts: Some(mounts(launch, agent)),
        network_mode: Some(network),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        tmpfs: Some(tmpfs.collect()),
        // Worker processes pass each other their data there; it is part of what the memory limit counts.
        shm_size: Some(bytes(limits.memory_bytes)),
        memory: Some(bytes(limits.memory_bytes)),
        memory_swap: Some(bytes(limits.memory_bytes)),
        nano_cpus: limits.cpus.map(nano),
        pids_limit: Some(i64::from(limits.pids)),
        ulimits: Some(vec![ResourcesUlimits {
            name: Some("nofile".into()),
            soft: Some(bytes(limits.open_files)),
            hard: Some(bytes(limits.open_files)),
        }]),
        // The agent carries the script's output; the engine would write it to disk a second time.
        log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
        ipc_mode: Some("private".into()),
        auto_remove: Some(true),
        ..HostConfig::default()
    };
    let labels = [("longshore.run", launch.run_id), ("longshore.owner", "longshore")];
    ContainerCreateBody {
        image: launch.image.map(|image| image.id.0.clone()),
        entrypoint: Some(vec![if agent.is_some() { MOUNTED_AGENT } else { AGENT }.into()]),
        cmd: Some(vec![]),
        // An image may say otherwise, and the agent would believe it.
        env: Some(vec![format!("LONGSHORE_SOCKET={SOCKET_FOLDER}/host.sock")]),
        user: Some(format!("{}:{}", SCRIPT_USER.uid, SCRIPT_USER.gid)),
        working_dir: Some("/".into()),
        // An image's own is about a service that does not run here.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
        labels: Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()),
        host_config: Some(host_config),
        ..ContainerCreateBody::default()
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the command line bounds processors far below 2^63 nanoprocessors")]
fn nano(cpus: f64) -> i64 {
    (cpus * 1e9) as i64
}

/// A container of this engine.
struct DockerContainer {
    api: bollard::Docker,
    container: NamedContainer,
    workplace: Workplace,
    /// What the task that waits for it has seen.
    ended: watch::Receiver<Option<Ended>>,
    waiting: AbortHandle,
}

/// Waits until a container is gone, whatever becomes of the engine's answers meanwhile.
async fn wait_until_gone(api: bollard::Docker, name: String, seen: watch::Sender<Option<Ended>>) {
    let ended = loop {
        let wait = WaitContainerOptions { condition: "removed".into() };
        match api.wait_container(&name, Some(wait)).next().await {
            Some(Ok(response)) => break ended(response.status_code),
            // bollard makes an error of every exit status but 0.
            Some(Err(ApiError::DockerContainerWaitError { code, .. })) => break ended(code),
            Some(Err(ApiError::DockerResponseServerError { status_code: 404, .. })) => break Ended::Unknown,
            // An engine that is started anew is no end of a container.
            Some(Err(_)) | None => tokio::time::sleep(WAIT_AGAIN).await,
        }
    };
    let ended = match ended {
        Ended::Killed(SIGKILL) if was_out_of_memory(&api, &name).await => Ended::OutOfMemory,
        ended => ended,
    };
    seen.send_replace(Some(ended));
}

/// Whether the engine saw the kernel kill something of a container for want of memory. It is asked afterwards: an engine
/// remembers its last events, and the container itself is gone.
pub(crate) async fn was_out_of_memory(api: &bollard::Docker, id: &str) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let until = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
    let filters = HashMap::from([("container", vec![id]), ("event", vec!["oom"])]);
    let options = EventsOptionsBuilder::new().since("0").until(&until).filters(&filters).build();
    let mut events = std::pin::pin!(api.events(Some(options)));
    // An engine that does not answer, or knows no such events, says nothing of it.
    matches!(tokio::time::timeout(EVENTS_DEADLINE, events.next()).await, Ok(Some(Ok(_))))
}

/// What the engine's exit status says: a signal is one beyond 128.
fn ended(status: i64) -> Ended {
    match status {
        129..=192 => Ended::Killed(status - 128),
        status => Ended::Exited(status),
    }
}

impl Container for DockerContainer {
    fn workplace(&self) -> Workplace {
        self.workplace.clone()
    }

    fn wait(&self) -> BoxFuture<'static, Ended> {
        wait_for(self.ended.clone()).boxed()
    }

    fn kill(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        let (api, name) = (self.api.clone(), self.container.name().to_owned());
        async move {
            match api.kill_container(&name, None::<KillContainerOptions>).await {
                // Gone already, or about to be.
                Ok(()) | Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
                Err(source) => Err(EngineError::Engine { doing: "killing the container", source }),
            }
        }
        .boxed()
    }
}

impl Drop for DockerContainer {
    fn drop(&mut self) {
        self.waiting.abort();
        if self.ended.borrow().is_some() {
            self.container.is_gone();
        }
    }
}
