//! Scripts as processes of this machine, under the same agent, without isolation: for machines without containers and
//! for developing scripts. Limits on memory, processors and processes do not hold here.

use super::{Container, Engine, EngineError, EngineKind, Launch, Workplace, existing};
use crate::place::{LockedFolder, TEMPORARY};
use crate::settings::Settings;
use crate::store::ImageStore;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// The engine without containers.
#[derive(Debug)]
pub(crate) struct Process {
    agent: PathBuf,
    python: String,
    rscript: String,
    r_library: Option<String>,
    path: String,
    work_folder: PathBuf,
}

impl Process {
    /// Finds the agent.
    pub(crate) fn new(settings: &Settings) -> Result<Self, EngineError> {
        let agent = existing(&settings.agent).ok_or_else(|| EngineError::NoAgent { path: settings.agent.clone() })?;
        Ok(Self {
            agent,
            python: settings.python.to_string_lossy().into_owned(),
            rscript: settings.rscript.to_string_lossy().into_owned(),
            r_library: settings.r_library.as_ref().map(|library| library.to_string_lossy().into_owned()),
            path: settings.path.clone(),
            work_folder: settings.work_folder.clone(),
        })
    }

    fn start(&self, launch: &Launch<'_>) -> Result<Box<dyn Container>, EngineError> {
        let name = format!("{TEMPORARY}{}", launch.run_id);
        let folder = LockedFolder::create(&self.work_folder, &name, 0o700)
            .map_err(|source| EngineError::Place { path: self.work_folder.join(&name), source })?;
        folder.remove_abandoned(TEMPORARY);
        let agent = Command::new(&self.agent)
            .arg(launch.place.socket())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A terminal's Ctrl-C is the host's to deal with.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| EngineError::StartAgent { path: self.agent.clone(), source })?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        // R looks into the first one first.
        let libraries: Vec<String> = launch.r_library.map(text).into_iter().chain(self.r_library.clone()).collect();
        let workplace = Workplace {
            python: launch.python.map_or_else(|| self.python.clone(), text),
            rscript: self.rscript.clone(),
            r_library: (!libraries.is_empty()).then(|| libraries.join(":")),
            path: self.path.clone(),
            environment: Vec::new(),
            folder: folder.path().to_string_lossy().into_owned(),
            user: None,
        };
        Ok(Box::new(ProcessContainer { agent, folder: Some(folder), workplace }))
    }
}

impl Engine for Process {
    fn kind(&self) -> EngineKind {
        EngineKind::Process
    }

    fn images(&self) -> Option<&dyn ImageStore> {
        None
    }

    fn launch<'a>(&'a self, launch: Launch<'a>) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>> {
        async move { self.start(&launch) }.boxed()
    }
}

/// An agent and what it runs.
struct ProcessContainer {
    agent: Child,
    folder: Option<LockedFolder>,
    workplace: Workplace,
}

impl Container for ProcessContainer {
    fn workplace(&self) -> Workplace {
        self.workplace.clone()
    }

    fn gone(&mut self) -> BoxFuture<'_, Result<String, EngineError>> {
        async move {
            let ended = self.agent.wait().await;
            self.folder = None;
            Ok(ended.map_or_else(|error| error.to_string(), |status| format!("its agent ended with {status}")))
        }
        .boxed()
    }

    fn kill(&mut self) -> BoxFuture<'_, Result<(), EngineError>> {
        // The agent's death takes the script with it; what the script detached is the agent's to end, which it does
        // when its connection closes.
        async move {
            let _ = self.agent.start_kill();
            Ok(())
        }
        .boxed()
    }
}
