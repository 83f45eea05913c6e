//! A run's environment: the image to run in, and its fingerprint, which is taken while the script runs. A run never
//! fails because of a missing fingerprint.

use super::error::RunError;
use super::{Run, missing_sdk};
use longshore_block::Language;
use longshore_config::settings::Settings;
use longshore_engine::{Engine, ImageStore, RunImage, ScriptEnvironment};
use longshore_images::environment::local::{self, LocalEnvironment};
use longshore_images::environment::{self, Bounds, EnvironmentError, LocalError};
use longshore_images::fingerprint::{Fingerprint, FingerprintError, of_image, of_machine, only};
use longshore_images::usage_store::LockGuard;
use longshore_model::causes::chain;
use longshore_model::event::Event;
use longshore_model::image_id::ImageId;
use longshore_model::note::Note;
use longshore_model::outcome::Outcome;
use longshore_model::remedy::Remedy;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long a record waits for the fingerprint after all else is done. The first fingerprint of an image takes 1 to 3 s
/// from the run's start; later ones are stored.
const WAIT: Duration = Duration::from_secs(10);

/// Fingerprinting in progress. It is aborted when this is dropped.
#[derive(Debug)]
pub(super) struct Fingerprinting(JoinHandle<Result<Fingerprint, FingerprintError>>);

impl Fingerprinting {
    /// Begins the fingerprint of an image, or of this machine if there is none.
    fn begin(
        image: Option<(ImageId, Arc<dyn ImageStore>)>,
        script_environment: &ScriptEnvironment,
        language: Language,
        settings: &Settings,
    ) -> Self {
        let settings = settings.clone();
        let interpreters = script_environment.interpreters.clone();
        Self(tokio::spawn(async move {
            match image {
                Some((image, store)) => {
                    of_image(store.as_ref(), &image.0, &image, &interpreters, &settings.state_folder).await
                }
                None => of_machine(&only(interpreters, language), &settings.work_folder).await,
            }
        }))
    }
}

impl Drop for Fingerprinting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A script's environment, with the guard that protects it from removal.
pub(super) enum ResolvedEnvironment {
    /// An image, and the lock guard that protects it.
    Image(RunImage, Option<LockGuard>),
    /// This machine, with the SDK and the block's packages, which are protected as long as this lives.
    Local(LocalEnvironment),
}

impl ResolvedEnvironment {
    /// The image.
    pub(super) fn image(&self) -> Option<&RunImage> {
        match self {
            Self::Image(image, _) => Some(image),
            Self::Local(_) => None,
        }
    }

    /// The packages on this machine.
    pub(super) fn local(&self) -> Option<&LocalEnvironment> {
        match self {
            Self::Image(..) => None,
            Self::Local(local) => Some(local),
        }
    }

    /// Releases the lock on the image, which its container protects from now on.
    pub(super) fn let_go_of_image(&mut self) {
        if let Self::Image(_, hold) = self {
            *hold = None;
        }
    }
}

impl Run<'_> {
    /// Resolves the script's environment: an image, or a folder of this machine. `None` if the run was cancelled.
    pub(super) async fn provide(&mut self, engine: &dyn Engine) -> Result<Option<ResolvedEnvironment>, RunError> {
        let (block, image) = (&self.prepared.block, self.prepared.image.as_deref());
        let store = engine.images();
        if store.is_none() || image.is_none() {
            self.bounds = Bounds::of(block, self.settings).await?;
        }
        let bounds = &self.bounds;
        let Some(store) = store else {
            return match local::ensure(block, bounds, self.engines, &self.events, self.cancel).await {
                Ok(local) => Ok(Some(ResolvedEnvironment::Local(local))),
                Err(LocalError::Cancelled) => Ok(None),
                Err(error) => Err(error.into()),
            };
        };
        let (settings, events) = (self.settings, &self.events);
        let ready = match environment::ensure(block, bounds, image, store.as_ref(), settings, events, self.cancel).await
        {
            Ok(ready) => ready,
            Err(EnvironmentError::Cancelled) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(ResolvedEnvironment::Image(RunImage::of(&ready.name, ready.image), ready.hold)))
    }

    /// Notes the image's volumes, which are in memory in a run.
    pub(super) async fn note_volumes(&mut self, provided: &ResolvedEnvironment) {
        if let Some(note) = provided.image().and_then(missing_sdk::volumes) {
            let note = Note::from(note);
            self.tell(Event::Note(note.clone()));
            self.prepared.notes.push(note);
        }
    }

    /// Begins the fingerprint of the script's environment, if the record needs it.
    pub(super) fn begin_fingerprint(
        &mut self,
        engine: &dyn Engine,
        image: Option<&RunImage>,
        script_environment: &ScriptEnvironment,
    ) {
        let language = self.prepared.block.language;
        let image = image.map(|image| image.id.clone()).zip(engine.images());
        let begin = || Fingerprinting::begin(image, script_environment, language, self.settings);
        self.fingerprinting = self.prepared.hashes.then(begin);
    }

    /// The environment's hash, or a note that says why there is none.
    pub(super) async fn fingerprint(&mut self, outcome: Outcome, notes: &mut Vec<Note>) -> Option<String> {
        let mut finding = self.fingerprinting.take()?;
        // An interrupted run ends without this wait.
        let wait = if outcome == Outcome::Interrupted { Duration::ZERO } else { WAIT };
        let (reason, remedy) = match tokio::time::timeout(wait, &mut finding.0).await {
            Ok(Ok(Ok(fingerprint))) => return Some(fingerprint.hash().to_owned()),
            Ok(Ok(Err(error))) => (chain(&error), error.remedy()),
            Ok(Err(_)) => ("taking it ended early".into(), None),
            Err(_) => ("it was not taken in time".into(), Some(Remedy::WaitForFingerprint)),
        };
        notes.push(Note::new(format!("the environment has no fingerprint: {reason}"), remedy));
        None
    }
}
