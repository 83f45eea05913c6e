//! A run's environment: the image to run in, and its fingerprint, which is found out while the script runs. A run never
//! fails for the lack of a fingerprint.

use super::error::RunError;
use super::{Run, missing_sdk};
use longshore_block::Language;
use longshore_config::settings::Settings;
use longshore_engine::{Engine, ImageStore, RunImage, ScriptEnvironment};
use longshore_images::environment::local::{self, LocalEnvironment};
use longshore_images::environment::{self, EnvironmentError, LocalError};
use longshore_images::fingerprint::{Fingerprint, FingerprintError, of_image, of_machine, only};
use longshore_images::usage_store::LockGuard;
use longshore_model::causes::chain;
use longshore_model::event::Event;
use longshore_model::image_id::ImageId;
use longshore_model::outcome::Outcome;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long a record waits for the fingerprint when all else is done. An image that was not asked before takes 1 to 3 s
/// from the run's start; one that was is there at once.
const WAIT: Duration = Duration::from_secs(10);

/// Finding it out. It is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Fingerprinting(JoinHandle<Result<Fingerprint, FingerprintError>>);

impl Fingerprinting {
    /// Begins to find out what is installed in an image, or without one on this machine.
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

/// What a script needs, and what keeps it there.
pub(super) enum ResolvedEnvironment {
    /// An image, what is known of it, and what keeps it there.
    Image(RunImage, Option<LockGuard>),
    /// This machine, with packages of the block's own where it names any; they stay as long as this.
    Local(Option<LocalEnvironment>),
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
            Self::Local(local) => local.as_ref(),
        }
    }

    /// Once a container is there, it keeps its image.
    pub(super) fn let_go_of_image(&mut self) {
        if let Self::Image(_, hold) = self {
            *hold = None;
        }
    }
}

impl Run<'_> {
    /// What the script needs: an image that has it, or a folder of this machine. `None` where nobody wants to wait for it.
    pub(super) async fn provide(&self, engine: &dyn Engine) -> Result<Option<ResolvedEnvironment>, RunError> {
        let (block, image) = (&self.prepared.block, self.prepared.image.as_deref());
        let Some(store) = engine.images() else {
            return match local::ensure(block, self.engines, &self.events, self.cancel).await {
                Ok(local) => Ok(Some(ResolvedEnvironment::Local(local))),
                Err(LocalError::Cancelled) => Ok(None),
                Err(error) => Err(error.into()),
            };
        };
        let ready =
            match environment::ensure(block, image, store.as_ref(), self.settings, &self.events, self.cancel).await {
                Ok(ready) => ready,
                Err(EnvironmentError::Cancelled) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
        Ok(Some(ResolvedEnvironment::Image(RunImage::of(&ready.name, ready.image), ready.hold)))
    }

    /// Says what an image's author meant to be on the disk, and is not.
    pub(super) async fn note_volumes(&mut self, provided: &ResolvedEnvironment) {
        if let Some(note) = provided.image().and_then(missing_sdk::volumes) {
            self.tell(Event::Note(note.clone()));
            self.prepared.notes.push(note);
        }
    }

    /// Begins to find out what is installed where the script runs, if the record is to say so.
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
    pub(super) async fn fingerprint(&mut self, outcome: Outcome, notes: &mut Vec<String>) -> Option<String> {
        let mut finding = self.fingerprinting.take()?;
        // Who has interrupted a run wants no waiting.
        let wait = if outcome == Outcome::Interrupted { Duration::ZERO } else { WAIT };
        let reason = match tokio::time::timeout(wait, &mut finding.0).await {
            Ok(Ok(Ok(fingerprint))) => return Some(fingerprint.hash().to_owned()),
            Ok(Ok(Err(error))) => chain(&error),
            Ok(Err(_)) => "finding it out broke".into(),
            Err(_) => "it was not found out in time; `longshore fingerprint` with the image waits longer".into(),
        };
        notes.push(format!("the environment has no fingerprint: {reason}"));
        None
    }
}
