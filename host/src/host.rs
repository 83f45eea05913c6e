//! The host, of which an embedding program has one: its settings, and the engines that they name.

use crate::resident::Resident;
use crate::running::{RunError, Running};
use longshore_archive::Form;
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::task::Task;
use longshore_engine::{Diagnosis, EngineError, Engines, ProcessConnector, diagnose};
use longshore_engine_docker::DockerConnector;
use longshore_images::collection::{ImageCollection, ImagesError};
use longshore_images::environment::{self, Built, EnvironmentError, Locked, PylockWritten};
use longshore_images::provision::{self, BaseName, Origin, ProvideError, Provided};
use longshore_images::subject::{self, SubjectError, TakenFingerprint};
use longshore_images::transfer::{self, ExportError, Exported, ImportError, Imported, Source, Target, Trust};
use longshore_model::activity::Activities;
use longshore_model::cancel::Cancel;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::event::{Events, events};
use longshore_run::admission::Admission;
use longshore_run::chain::{self, ChainRequest, PreparedChain};
use longshore_run::pool::{Pool, PoolStatus};
use longshore_run::record::RunRecord;
use longshore_run::request::{Prepared, RunRequest};
use longshore_run::run;
use longshore_run::single::{self, Explained};
use longshore_store::Recorder;
use std::path::Path;

/// Runs blocks, and builds and manages the images that they need. Create it once; its methods may be called
/// concurrently from any number of tasks. It reads no environment variable, handles no signal and prints nothing.
#[derive(Debug, Clone)]
pub struct Host {
    engines: Engines,
    admission: Admission,
    activities: Activities,
    recorder: Recorder,
    /// In a process that stays.
    resident: Option<Resident>,
}

impl Host {
    /// A host with these settings. Does not connect to an engine yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        // In the order in which they are tried.
        let recorder = Recorder::new(&settings.state_folder);
        let admission = Admission::new(&settings.admission);
        let engines = Engines::new(settings).with(DockerConnector).with(ProcessConnector);
        Self { engines, admission, activities: Activities::new(), recorder, resident: None }
    }

    /// This host, in a process that stays: its runs return once their outcome is known and recorded. Their engine may
    /// remove the container after that, which [`Host::shutdown`] waits for; otherwise each run does. Memory that runs
    /// have freed is returned to the system once nothing is in progress. Engines stay connected, with their answers about
    /// images, while they tell their changes; call it before the host is cloned.
    #[must_use]
    pub fn resident(mut self) -> Self {
        self.engines = self.engines.kept();
        self.resident = Some(Resident::new(self.activities.clone(), self.settings()));
        self
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

    /// Admits its runs to the machine: their load, and seats in the queue of those that are about to be made.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Starts a run: checks the request on a thread that may block, and runs the block. Await the result for the
    /// record, which reports failures too; nothing of the run is left then. The result also gives the events and a
    /// handle to cancel.
    ///
    /// Dropping the result ends the run at once, without a record: its connections are closed, and its script, its
    /// agent and its container end within seconds, as after a kill of the host. Outputs are not published unless
    /// publishing had begun. The next run removes leftovers, such as a working folder. To have everything removed,
    /// cancel and await instead.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, which must have its time and I/O drivers enabled and should have several threads.
    pub fn run(&self, mut request: RunRequest) -> Running {
        request.temporary_folder.get_or_insert_with(|| self.settings().temporary_folder.clone());
        let (events, received) = events();
        let (host, cancel, turn) = (self.clone(), Cancel::new(), self.admission.turn());
        let cancelled = cancel.clone();
        let task = Task::spawn(async move {
            let _activity = host.activities.begin().map_err(|_| RunError::ShuttingDown)?;
            let seat = host.admission.enter(turn)?;
            let checking = tokio::task::spawn_blocking(|| request.prepare());
            let prepared = tokio::select! {
                prepared = checking => prepared.map_err(|_| RunError::Broken)??,
                // The check may wait for a reader without a limit.
                () = host.activities.stop().cancelled() => return Err(RunError::ShuttingDown),
            };
            Ok(host.run_prepared(prepared.seated(seat), events, &cancelled).await)
        });
        Running { task, events: Some(received), cancel }
    }

    /// Runs a request that was checked with [`RunRequest::prepare`], as [`Host::run`] does. While the host is shutting
    /// down, a run is interrupted before it starts anything. Dropping the future ends the run like dropping
    /// [`Running`].
    #[must_use = "the record says whether it succeeded"]
    pub async fn run_prepared(&self, prepared: Prepared, events: Events, cancel: &Cancel) -> RunRecord {
        let _activity = self.activities.begin();
        let (cancel, _following) = self.cancelled_by(cancel);
        let resident = self.resident.as_ref().map(Resident::for_runs);
        let record =
            run::run(prepared, &self.engines, &self.admission, Some(&self.recorder), events, &cancel, resident).await;
        self.resident.iter().for_each(Resident::return_memory);
        record
    }

    /// Starts a chain of blocks, whose tables pass from one container to the next in memory, as [`Host::run`] starts a
    /// run: one record has all steps, and nothing is published unless all succeed.
    ///
    /// # Panics
    /// As [`Host::run`].
    pub fn chain(&self, mut request: ChainRequest) -> Running {
        for step in &mut request.steps {
            step.request.temporary_folder.get_or_insert_with(|| self.settings().temporary_folder.clone());
        }
        let (events, received) = events();
        let (host, cancel) = (self.clone(), Cancel::new());
        let cancelled = cancel.clone();
        let task = Task::spawn(async move {
            let _activity = host.activities.begin().map_err(|_| RunError::ShuttingDown)?;
            let checking = tokio::task::spawn_blocking(|| request.prepare());
            let prepared = tokio::select! {
                prepared = checking => prepared.map_err(|_| RunError::Broken)??,
                // The check may wait for a reader without a limit.
                () = host.activities.stop().cancelled() => return Err(RunError::ShuttingDown),
            };
            Ok(host.run_prepared_chain(prepared, events, &cancelled).await)
        });
        Running { task, events: Some(received), cancel }
    }

    /// Runs a chain that was checked with [`ChainRequest::prepare`], as [`Host::chain`] does.
    #[must_use = "the record says whether it succeeded"]
    pub async fn run_prepared_chain(&self, prepared: PreparedChain, events: Events, cancel: &Cancel) -> RunRecord {
        let _activity = self.activities.begin();
        let (cancel, _following) = self.cancelled_by(cancel);
        let resident = self.resident.as_ref().map(Resident::for_runs);
        let (engines, admission) = (&self.engines, &self.admission);
        let recorder = Some(&self.recorder);
        let record = chain::run(prepared, engines, admission, recorder, events, &cancel, resident).await;
        self.resident.iter().for_each(Resident::return_memory);
        record
    }

    /// A handle that is cancelled by this one and by shutting down, while the tasks exist.
    fn cancelled_by(&self, cancel: &Cancel) -> (Cancel, [Task<()>; 2]) {
        let (own, stop) = (Cancel::new(), self.activities.stop());
        own.cancel(cancel.level().max(stop.level()));
        let following = [cancel, stop].map(|other| Task::spawn(own.clone().follow(other.clone())));
        (own, following)
    }

    /// Prevents this host and its clones from beginning anything new, cancels their runs and builds gently, and waits
    /// until these have ended and cleaned up, and until everything else that was begun has ended: fingerprints,
    /// imports, exports and changes of the image collection. An import is not waited for while it reads its archive,
    /// nor an export while it writes to a writer, because they may wait for others without a limit. Results can still
    /// be awaited.
    pub async fn shutdown(&self) {
        // Their containers end while runs do.
        let closing = async {
            if let Some(pool) = self.resident.as_ref().and_then(Resident::pool) {
                pool.close().await;
            }
        };
        tokio::join!(closing, self.activities.end());
    }

    /// What there is of interpreters that wait for runs; `None` of a host that has none.
    #[must_use]
    pub fn pool(&self) -> Option<PoolStatus> {
        self.resident.as_ref().and_then(Resident::pool).map(Pool::status)
    }

    /// Explains the limits and policy of a run, and starts nothing.
    ///
    /// # Errors
    /// [`EngineError`]: the requested engine does not answer.
    pub async fn explain(&self, prepared: &Prepared) -> Result<Explained, EngineError> {
        single::explain(prepared, &self.engines).await
    }

    /// Checks everything that runs on these engines need on this machine.
    pub async fn diagnose(&self, engine: EngineChoice) -> Vec<Diagnosis> {
        let (mut found, process_is_needed) = diagnose(&self.engines, engine).await;
        let mut interpreters = environment::local::diagnose(&self.engines).await;
        if !process_is_needed {
            Diagnosis::optional(&mut interpreters);
        }
        found.extend(interpreters);
        found
    }

    /// The images of this machine. An error if no engine answers, unless there are environment folders.
    ///
    /// # Errors
    /// [`ImagesError`]: no engine answers.
    pub async fn images(&self) -> Result<ImageCollection<'_>, ImagesError> {
        ImageCollection::open(&self.engines, &self.activities).await
    }

    /// Builds the image of a block, as a run would, or finds it.
    ///
    /// # Errors
    /// [`EnvironmentError`] names the packages that could not be installed, with the installer's message.
    pub async fn build(
        &self,
        block: &Block,
        image: Option<&str>,
        events: &Events,
        cancel: &Cancel,
    ) -> Result<Built, EnvironmentError> {
        let _activity = self.activities.begin()?;
        let (cancel, _following) = self.cancelled_by(cancel);
        environment::build(block, image, &self.engines, events, &cancel).await
    }

    /// Whether the engine has each of these base images.
    ///
    /// # Errors
    /// [`ProvideError`]: the engine fails, or an image of others has the name of one.
    pub async fn has_bases(&self, names: &[BaseName]) -> Result<Vec<bool>, ProvideError> {
        provision::present(names, &self.engines).await
    }

    /// Gets base images from a registry or an archive, in place of those that the engine has.
    ///
    /// # Errors
    /// [`ProvideError`]: an image is missing, damaged or not of this version. The engine's base images are then what they
    /// were.
    pub async fn provide_bases(
        &self,
        names: &[BaseName],
        origin: Origin,
        events: &Events,
        cancel: &Cancel,
    ) -> Result<Vec<Provided>, ProvideError> {
        let _activity = self.activities.begin()?;
        let (cancel, _following) = self.cancelled_by(cancel);
        provision::provide(names, origin, &self.engines, events, &cancel).await
    }

    /// Writes the exact packages of a block's environment to its lock file, and builds the environment if it is
    /// missing.
    ///
    /// # Errors
    /// [`EnvironmentError`]: the environment cannot be made, or the file cannot be written.
    pub async fn lock(&self, block: &Block, events: &Events, cancel: &Cancel) -> Result<Locked, EnvironmentError> {
        let _activity = self.activities.begin()?;
        let (cancel, _following) = self.cancelled_by(cancel);
        environment::lock(block, &self.engines, events, &cancel).await
    }

    /// Writes the Python packages of a block's lock as `pylock.toml` (PEP 751), for other installers. A missing lock is
    /// written first.
    ///
    /// # Errors
    /// [`EnvironmentError`]: the lock has no Python packages, the index has not its files, or a file cannot be written.
    pub async fn export_lock(
        &self,
        block: &Block,
        path: &Path,
        events: &Events,
        cancel: &Cancel,
    ) -> Result<PylockWritten, EnvironmentError> {
        let _activity = self.activities.begin()?;
        let (cancel, _following) = self.cancelled_by(cancel);
        environment::write_pylock(block, path, &self.engines, events, &cancel).await
    }

    /// Takes the fingerprint of a subject: a path is a block (its folder or script) or, if it ends in `.json`, a saved
    /// fingerprint; anything else is an image. `engine` is the engine that the block would run on.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub async fn fingerprint(&self, subject: &str, engine: EngineChoice) -> Result<TakenFingerprint, SubjectError> {
        let _activity = self.activities.begin()?;
        subject::fingerprint(subject, engine, &self.engines).await
    }

    /// Writes an image to an archive. `image` is a name, an id, or the beginning of an environment's hash.
    ///
    /// # Errors
    /// [`ExportError`]: there is no such image, the engine fails, or the archive cannot be written; an existing file is
    /// unchanged.
    pub async fn export(&self, image: &str, target: Target, form: Form) -> Result<Exported, ExportError> {
        let _activity = self.activities.begin()?;
        transfer::export(image, target, form, &self.engines, self.activities.stop()).await
    }

    /// Loads the image of an archive.
    ///
    /// # Errors
    /// [`ImportError`]: the archive is invalid, its image is not for this machine, its name is taken by another image,
    /// or the engine fails. The engine's images are then unchanged.
    pub async fn import(&self, archive: Source, trust: Trust) -> Result<Imported, ImportError> {
        let _activity = self.activities.begin()?;
        transfer::import(archive, trust, &self.engines, self.activities.stop()).await
    }
}
