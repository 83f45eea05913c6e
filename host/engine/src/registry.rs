//! The engines that a host may use, and the choice of one for a run.

use super::installed::{NoAnswer, isolating_engine};
use super::process::Process;
use super::{Engine, EngineError, ImageStore};
use futures_util::future::BoxFuture;
use longshore_config::settings::Settings;
use longshore_model::engine_kind::EngineChoice;
use std::fmt;
use std::sync::Arc;

/// Connects to an engine that isolates scripts.
pub trait Connector: fmt::Debug + Send + Sync {
    /// Connects, and checks that it answers.
    fn engine<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Box<dyn Engine>, EngineError>>;

    /// Connects to its images only, and checks that it answers.
    fn images<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn ImageStore>, NoAnswer>>;
}

/// The engines of a host, from its settings: one that isolates scripts, and processes of this machine.
#[derive(Debug, Clone)]
pub struct Engines {
    settings: Arc<Settings>,
    isolating: Arc<dyn Connector>,
}

impl Engines {
    /// Engines with this isolating one.
    pub fn new(settings: Settings, isolating: impl Connector + 'static) -> Self {
        Self { settings: Arc::new(settings), isolating: Arc::new(isolating) }
    }

    /// The settings of the host.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The engine that isolates scripts.
    ///
    /// # Errors
    /// [`EngineError`]: it does not answer.
    pub async fn isolating(&self) -> Result<Box<dyn Engine>, EngineError> {
        self.isolating.engine(&self.settings).await
    }

    /// The store of images.
    ///
    /// # Errors
    /// [`NoAnswer`]: no engine with images answers.
    pub async fn images(&self) -> Result<Arc<dyn ImageStore>, NoAnswer> {
        self.isolating.images(&self.settings).await
    }

    /// The store of images for a choice; `None` if scripts run as processes, which have none.
    ///
    /// # Errors
    /// [`EngineError`]: no engine answers, and `auto` may not select a process.
    pub async fn images_of(&self, choice: EngineChoice) -> Result<Option<Arc<dyn ImageStore>>, EngineError> {
        match choice {
            EngineChoice::Process => Ok(None),
            EngineChoice::Docker => Ok(Some(self.images().await?)),
            EngineChoice::Auto => match self.images().await {
                Ok(store) => Ok(Some(store)),
                Err(error) => without_isolation(error, isolating_engine(&self.settings)).map(|_| None),
            },
        }
    }

    /// Selects an engine. Returns a note if `auto` selected a process.
    ///
    /// # Errors
    /// [`EngineError`]: it does not answer, and `auto` may not select a process.
    pub async fn choose(&self, choice: EngineChoice) -> Result<(Box<dyn Engine>, Option<String>), EngineError> {
        if choice == EngineChoice::Process {
            return Ok((Box::new(Process::new(&self.settings)?), None));
        }
        match self.isolating().await {
            Ok(engine) => Ok((engine, None)),
            Err(EngineError::Unreachable(error)) if choice == EngineChoice::Auto => {
                let note = without_isolation(error, isolating_engine(&self.settings))?;
                Ok((Box::new(Process::new(&self.settings)?), Some(note)))
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether `auto` may select a process if no engine answers: only if none is installed. Returns the note for the run.
fn without_isolation(error: NoAnswer, installed: Option<String>) -> Result<String, EngineError> {
    match (error, installed) {
        (error @ NoAnswer::Denied { .. }, _) => Err(EngineError::Unreachable(error)),
        (source, Some(found)) => Err(EngineError::NoIsolation { found, source }),
        (_, None) => {
            Ok("no container engine is installed: scripts run as processes of this machine, without isolation"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn auto_takes_a_process_only_where_no_engine_is_installed() {
        let socket = PathBuf::from("/s");
        let silent = || NoAnswer::Silent { socket: socket.clone(), source: "hung up".into() };
        let missing = || NoAnswer::NoSocket { socket: socket.clone() };
        let denied =
            || NoAnswer::Denied { socket: socket.clone(), source: std::io::ErrorKind::PermissionDenied.into() };
        let found = || Some("`/usr/bin/docker` is there".to_owned());
        for error in [silent(), missing()] {
            let refused = without_isolation(error, found()).unwrap_err();
            assert!(matches!(&refused, EngineError::NoIsolation { .. }), "{refused}");
            assert!(refused.to_string().contains("`/usr/bin/docker` is there"), "{refused}");
        }
        for installed in [found(), None] {
            let refused = without_isolation(denied(), installed).unwrap_err().to_string();
            assert!(refused.starts_with("this user may not use the container engine at `/s`"), "{refused}");
        }
        assert!(without_isolation(missing(), None).unwrap().ends_with("without isolation"));
    }
}
