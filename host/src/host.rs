//! What a program that embeds Longshore has one of: its settings, and the engines that they name.

use crate::running::{RunError, Running, Runs};
use longshore_archive::Form;
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::task::Task;
use longshore_engine::{Diagnosis, EngineError, Engines, diagnose};
use longshore_engine_docker::DockerConnector;
use longshore_images::collection::{ImageCollection, ImagesError};
use longshore_images::environment::{self, Built, EnvironmentError, Locked};
use longshore_images::subject::{self, SubjectError, TakenFingerprint};
use longshore_images::transfer::{self, ExportError, Exported, ImportError, Imported, Target, Trust};
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::engine_kind::EngineChoice;
use longshore_model::event::{Events, events};
use longshore_run::record::RunRecord;
use longshore_run::request::{Prepared, RunRequest};
use longshore_run::run;
use longshore_run::single::{self, Explained};
use std::path::Path;
use std::sync::Arc;

/// Runs blocks, and makes and looks after the images that they need. It is made once; its methods may be called at the same
/// time, from any number of tasks. It reads no environment variable, handles no signal and prints nothing.
#[derive(Debug, Clone)]
pub struct Host {
    engines: Engines,
    runs: Arc<Runs>,
}

impl Host {
    /// A host with these settings. Nothing is asked of an engine yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { engines: Engines::new(settings, DockerConnector), runs: Arc::new(Runs::new()) }
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.engines.settings()
    }

    /// Its engines.
    #[must_use]
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// Starts a run: checks the request on a thread that may block, and runs the block. What is returned is awaited for the
    /// record, in which is whatever happens; nothing of the run is left then. Events and cancelling are its methods.
    ///
    /// Dropping what is returned ends the run at once, without a record: its future is dropped where it waits, its
    /// connections are closed, and its script, its agent and its container end within seconds, as they do when their host
    /// is killed. Outputs are not published unless that had begun. What there was no time to remove, such as a working
    /// folder, the next run removes. To have it all removed, cancel and await instead.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, which must have its time and I/O drivers enabled and should have several threads.
    pub fn run(&self, request: RunRequest) -> Running {
        let (events, received) = events();
        let (host, cancel) = (self.clone(), Cancel::new());
        let cancelled = cancel.clone();
        let task = Task::spawn(async move {
            let going = host.runs.begin().ok_or(RunError::ShuttingDown)?;
            let checking = tokio::task::spawn_blocking(|| request.prepare());
            let prepared = tokio::select! {
                prepared = checking => prepared.map_err(|_| RunError::Broken)??,
                // A reader may keep the check waiting for ever.
                () = host.runs.stop.cancelled() => return Err(RunError::ShuttingDown),
            };
            let record = host.run_prepared(prepared, events, &cancelled).await;
            drop(going);
            Ok(record)
        });
        Running { task, events: Some(received), cancel }
    }

    /// Runs what was checked before with [`RunRequest::prepare`], as [`Host::run`] does. Once the host is shutting down a
    /// run is interrupted before it starts anything. Dropping the future ends the run as dropping [`Running`] does.
    #[must_use = "the record says whether it succeeded"]
    pub async fn run_prepared(&self, prepared: Prepared, events: Events, cancel: &Cancel) -> RunRecord {
        let going = self.runs.begin();
        let (own, stop) = (Cancel::new(), &self.runs.stop);
        own.cancel(cancel.level().max(stop.level()));
        let _following = [cancel, stop].map(|other| Task::spawn(own.clone().follow(other.clone())));
        let record = run::run(prepared, &self.engines, events, &own).await;
        drop(going);
        record
    }

    /// Lets no run start any more, cancels all of this host and its clones gently, and waits until each of them has ended
    /// and has removed what it made. Whoever awaits their records gets them.
    pub async fn shutdown(&self) {
        self.runs.stop.cancel(CancelLevel::Gently);
        self.runs.ended().await;
    }

    /// Explains what a run would be given, and starts nothing.
    ///
    /// # Errors
    /// [`EngineError`]: the engine that it wants does not answer.
    pub async fn explain(&self, prepared: &Prepared) -> Result<Explained, EngineError> {
        single::explain(prepared, &self.engines).await
    }

    /// Looks at everything that runs need on this machine.
    pub async fn diagnose(&self) -> Vec<Diagnosis> {
        diagnose(&self.engines).await
    }

    /// The images of this machine. Where no engine answers there is an error, unless there are folders.
    ///
    /// # Errors
    /// [`ImagesError`]: no engine answers.
    pub async fn images(&self) -> Result<ImageCollection<'_>, ImagesError> {
        ImageCollection::open(&self.engines).await
    }

    /// Makes the image of a block, as a run would, or finds it.
    ///
    /// # Errors
    /// [`EnvironmentError`] names the packages that could not be installed, with the installer's words.
    pub async fn build(
        &self,
        block: &Block,
        image: Option<&str>,
        events: &Events,
        cancel: &Cancel,
    ) -> Result<Built, EnvironmentError> {
        environment::build(block, image, &self.engines, events, cancel).await
    }

    /// Writes the exact packages of a block's environment into its lock file, and makes the environment where it is missing.
    ///
    /// # Errors
    /// [`EnvironmentError`]: the environment cannot be made, or the file cannot be written.
    pub async fn lock(&self, block: &Block, events: &Events, cancel: &Cancel) -> Result<Locked, EnvironmentError> {
        environment::lock(block, &self.engines, events, cancel).await
    }

    /// Takes the fingerprint of a subject: a path is a block (its folder or script) or, where it ends in `.json`, a
    /// fingerprint that was saved; anything else is an image. `engine` tells where the block would run.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub async fn fingerprint(&self, subject: &str, engine: EngineChoice) -> Result<TakenFingerprint, SubjectError> {
        subject::fingerprint(subject, engine, &self.engines).await
    }

    /// Writes an image into an archive. `image` is a name, an id, or the beginning of an environment's hash.
    ///
    /// # Errors
    /// [`ExportError`]: there is no such image, the engine fails, or the archive cannot be written; a file that was there is
    /// as it was.
    pub async fn export(&self, image: &str, target: Target, form: Form) -> Result<Exported, ExportError> {
        transfer::export(image, target, form, &self.engines).await
    }

    /// Loads the image of an archive, which is the path of a file, or `-` for standard input.
    ///
    /// # Errors
    /// [`ImportError`]: anything is wrong with the archive, its image is not for this machine, its name is taken by another
    /// image, or the engine fails. The engine's images are then as they were.
    pub async fn import(&self, archive: &Path, trust: Trust) -> Result<Imported, ImportError> {
        transfer::import(archive, trust, &self.engines).await
    }
}
