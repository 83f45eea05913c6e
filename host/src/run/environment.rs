//! A run's environment: the image to run in, and its fingerprint, which is found out while the script runs. A run never
//! fails for the lack of a fingerprint.

use super::{Run, chain};
use crate::block::Language;
use crate::engine::{Engine, EngineError, ImageId, Workplace};
use crate::environment::{self, Ready};
use crate::fingerprint::{Fingerprint, FingerprintError, Interpreters, of_image, of_machine};
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::store::DockerStore;
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
    fn begin(image: Option<ImageId>, workplace: &Workplace, language: Language, settings: &Settings) -> Self {
        let settings = settings.clone();
        let interpreters = Interpreters {
            python: workplace.python.clone(),
            rscript: workplace.rscript.clone(),
            r_library: workplace.r_library.clone(),
            path: workplace.path.clone(),
            environment: Vec::new(),
        };
        Self(tokio::spawn(async move {
            match image {
                Some(image) => {
                    let store = DockerStore::connect(&settings.engine_socket).await?;
                    of_image(&store, &image.0, &image, &interpreters, &settings.state_folder).await
                }
                None => of_machine(&interpreters.only(language)).await,
            }
        }))
    }
}

impl Drop for Fingerprinting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Run<'_> {
    /// The image to run in, with what keeps it there.
    pub(super) async fn environment(&self, engine: &dyn Engine) -> Result<Option<Ready>, EngineError> {
        let Some(store) = engine.images() else { return Ok(None) };
        let (block, image) = (&self.prepared.block, self.prepared.image.as_deref());
        Ok(Some(environment::ensure(block, image, store, self.settings, &self.events, self.cancel).await?))
    }

    /// Begins to find out what is installed where the script runs, if the record is to say so.
    pub(super) fn begin_fingerprint(&mut self, image: Option<ImageId>, workplace: &Workplace) {
        let language = self.prepared.block.language;
        let begin = || Fingerprinting::begin(image, workplace, language, self.settings);
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
