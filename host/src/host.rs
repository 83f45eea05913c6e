//! What a program that embeds Longshore has one of: its settings, and the engines that they name.

use longshore_archive::Form;
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::{Diagnosis, EngineError, Engines, diagnose};
use longshore_engine_docker::DockerConnector;
use longshore_images::collection::{ImageCollection, ImagesError};
use longshore_images::environment::{self, Built, EnvironmentError, Locked};
use longshore_images::subject::{self, SubjectError, Taken};
use longshore_images::transfer::{self, ExportError, Exported, ImportError, Imported, Target, Trust};
use longshore_model::cancel::Cancel;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::event::Events;
use longshore_run::record::RunRecord;
use longshore_run::request::Prepared;
use longshore_run::run;
use longshore_run::single::{self, Explained};
use std::path::Path;

/// Runs blocks, and makes and looks after the images that they need. It is made once; its methods may be called at the same
/// time, from any number of tasks. It reads no environment variable, handles no signal and prints nothing.
#[derive(Debug, Clone)]
pub struct Host {
    engines: Engines,
}

impl Host {
    /// A host with these settings. Nothing is asked of an engine yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { engines: Engines::new(settings, DockerConnector) }
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

    /// Runs a block. Whatever happens is in the record; nothing of the run is left when this returns.
    pub async fn run(&self, prepared: Prepared, events: Events, cancel: &Cancel) -> RunRecord {
        run::run(prepared, &self.engines, events, cancel).await
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
    pub async fn fingerprint(&self, subject: &str, engine: EngineChoice) -> Result<Taken, SubjectError> {
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
