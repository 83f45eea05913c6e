//! The subject of a fingerprint: an image, a block, or a saved fingerprint.

mod error;
mod of_lock;

pub use error::SubjectError;

use crate::environment::Lock;
use crate::environment::{self, local};
use crate::find::{FindError, find_image};
use crate::fingerprint::difference::{Difference, differences};
use crate::fingerprint::document::{DOCUMENT_MAX, Document};
use crate::fingerprint::image::of_image;
use crate::fingerprint::lines::Fingerprint;
use crate::fingerprint::machine::{of_machine, only};
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::{Engines, ImageStore, Interpreters, RunImage, StoreError, StoredImage};
use longshore_model::cancel::Cancel;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::event::events;
use longshore_os::small_file;
use serde_json::{Value, json};
use std::path::Path;

/// A fingerprint and its subject.
#[derive(Debug)]
pub struct TakenFingerprint {
    /// The requested subject.
    pub subject: String,
    /// The image's id; `None` for this machine.
    pub image: Option<String>,
    /// Its packages and programs.
    pub fingerprint: Fingerprint,
    /// Whether it is a lock, which lists the packages of a block alone.
    pub is_lock: bool,
}

/// Takes the fingerprint of a subject: a path is a block (its folder or script), a saved fingerprint if it ends in `.json`,
/// or a lock if it ends in `.lock`; anything else is an image, or the beginning of an environment's hash. `engine` selects where the block would run.
///
/// # Errors
/// [`SubjectError`].
pub async fn fingerprint(
    subject: &str,
    engine: EngineChoice,
    engines: &Engines,
) -> Result<TakenFingerprint, SubjectError> {
    let path = Path::new(subject);
    if !path.exists() {
        return of_reference(subject, engine, engines).await;
    }
    if path.is_file() && path.extension().is_some_and(|suffix| suffix == "json") {
        return saved(path);
    }
    if path.is_file() && path.extension().is_some_and(|suffix| suffix == "lock") {
        return Ok(of_lock::taken(&Lock::read(path)?, subject));
    }
    let block = |source| SubjectError::Block { subject: subject.to_owned(), source };
    of_block(subject, &Block::load(path).map_err(block)?.block, engine, engines).await
}

async fn of_reference(
    subject: &str,
    engine: EngineChoice,
    engines: &Engines,
) -> Result<TakenFingerprint, SubjectError> {
    if !engine.may_isolate() {
        return Err(SubjectError::NoImages { subject: subject.to_owned() });
    }
    let store = engines.images().await.map_err(StoreError::from)?;
    match find(store.as_ref(), subject).await? {
        Some(found) => of_found(store.as_ref(), subject, subject, found, engines.settings()).await,
        None => Err(SubjectError::Nothing { subject: subject.to_owned() }),
    }
}

async fn of_block(
    subject: &str,
    block: &Block,
    engine: EngineChoice,
    engines: &Engines,
) -> Result<TakenFingerprint, SubjectError> {
    let settings = engines.settings();
    // Like a run does.
    let store = engines.images_of(engine).await?;
    let Some(store) = store else {
        // Unlike an image, which is found by its name, it exists only once it is ready.
        let bounds = environment::Bounds::of(block, settings).await?;
        let local = local::ensure(block, &bounds, engines, &events().0, &Cancel::new()).await.map_err(Box::new)?;
        let interpreters = Interpreters::of_machine(settings).with(local.python.as_deref(), &local.r_libraries);
        let fingerprint = of_machine(&only(interpreters, block.language), &settings.work_folder).await?;
        return Ok(TakenFingerprint {
            subject: format!("{subject} (as a process of this machine)"),
            image: None,
            fingerprint,
            is_lock: false,
        });
    };
    // The image that a run would use, if it exists already: taking a fingerprint builds nothing.
    let (name, image) = environment::find(block, store.as_ref(), settings).await?;
    match image {
        Some(image) => of_found(store.as_ref(), subject, &name, image, settings).await,
        None => Err(SubjectError::NoImage { block: subject.to_owned(), image: name }),
    }
}

async fn of_found(
    store: &dyn ImageStore,
    subject: &str,
    image: &str,
    found: StoredImage,
    settings: &Settings,
) -> Result<TakenFingerprint, SubjectError> {
    let found = RunImage::of(image, found);
    let interpreters = Interpreters::of_image(&found);
    let fingerprint = of_image(store, image, &found.id, &interpreters, &settings.state_folder).await?;
    Ok(TakenFingerprint { subject: subject.to_owned(), image: Some(found.id.0), fingerprint, is_lock: false })
}

async fn find(store: &dyn ImageStore, reference: &str) -> Result<Option<StoredImage>, SubjectError> {
    match store.find(reference).await {
        Ok(Some(found)) => Ok(Some(found)),
        Ok(None) => match find_image(store, reference).await {
            Ok(found) => Ok(Some(found)),
            Err(FindError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        },
        // A reference that cannot be an image name matches none.
        Err(StoreError::Engine { source, .. }) if source.status() == Some(400) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn saved(path: &Path) -> Result<TakenFingerprint, SubjectError> {
    let failed = |source| SubjectError::Read { path: path.to_owned(), source };
    let wrong = |reason| SubjectError::Saved { path: path.to_owned(), reason };
    let text = small_file::read(path, DOCUMENT_MAX).map_err(failed)?;
    let (document, fingerprint) = Document::read(&text).map_err(wrong)?;
    Ok(TakenFingerprint { subject: path.display().to_string(), image: document.image, fingerprint, is_lock: false })
}

impl TakenFingerprint {
    /// As one JSON object, which can be saved and compared later.
    #[must_use]
    pub fn json(&self) -> Value {
        json!(Document::new(&self.fingerprint, Some(&self.subject), self.image.as_deref()))
    }

    /// Differences to another fingerprint; empty if they are equal.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        match (self.is_lock, other.is_lock) {
            (true, false) => {
                differences(&self.fingerprint, &of_lock::comparable(&other.fingerprint, &self.fingerprint))
            }
            (false, true) => {
                differences(&of_lock::comparable(&self.fingerprint, &other.fingerprint), &other.fingerprint)
            }
            _ => differences(&self.fingerprint, &other.fingerprint),
        }
    }
}
