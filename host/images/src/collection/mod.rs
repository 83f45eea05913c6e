//! The images of this machine, for application authors and the command `longshore images`.

mod bases;
mod error;
mod explain;
mod select;

pub use bases::{BaseImage, Removal};
pub use error::ImagesError;
pub use explain::{Explanation, Going};

use crate::pruning::decide::decide;
use crate::pruning::entry::{ImageEntry, Kind};

use crate::pruning::prune::{How, foresee, goal, low_mark, prune};
use crate::pruning::report::PruneReport;
use crate::pruning::survey::Survey;
use crate::pruning::{PruneError, caches, folders};
use crate::usage_store::UsageStore;
use explain::going;
use longshore_config::settings::Settings;
use longshore_engine::{Engines, ImageStore, StoreError};
use longshore_model::activity::Activities;
use longshore_model::image_id::ImageId;
use std::sync::Arc;

/// The images made by this store, and the folders that replace them without an engine.
#[derive(Debug)]
pub struct ImageCollection<'a> {
    settings: &'a Settings,
    store: Option<Arc<dyn ImageStore>>,
    ledger: UsageStore,
    note: Option<String>,
    activities: &'a Activities,
}

impl<'a> ImageCollection<'a> {
    /// Connects to the engine. If none answers this is an error, unless folders exist. Changes are counted among
    /// these activities.
    ///
    /// # Errors
    /// [`ImagesError`]: no engine answers.
    pub async fn open(engines: &'a Engines, activities: &'a Activities) -> Result<Self, ImagesError> {
        let settings = engines.settings();
        let ledger = UsageStore::new(&settings.state_folder);
        match engines.images().await {
            Ok(store) => Ok(Self { settings, store: Some(store), ledger, note: None, activities }),
            Err(_) if folders::place(&settings.cache_folder).is_dir() => {
                let note = format!(
                    "no container engine answers at `{}`: only the folders of runs without a container are listed",
                    settings.engine_socket.display()
                );
                Ok(Self { settings, store: None, ledger, note: Some(note), activities })
            }
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    /// A note for the user: that no engine answers.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The disk budget in bytes.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.settings.images.disk_budget
    }

    /// All images, least recently used last.
    ///
    /// # Errors
    /// [`ImagesError`]: the engine or a folder cannot be read.
    pub async fn list(&self) -> Result<Vec<ImageEntry>, ImagesError> {
        let mut entries = self.survey().await?.entries;
        entries.reverse();
        Ok(entries)
    }

    /// Removes images according to `how`. Failures are in the report.
    ///
    /// # Errors
    /// [`ImagesError`]: the engine or a folder cannot be read.
    pub async fn prune(&self, how: How) -> Result<PruneReport, ImagesError> {
        let _activity = self.activities.begin()?;
        if let Some(store) = &self.store {
            // A container of a killed host would keep its image in use.
            store.reap().await?;
        }
        let mut report = prune(self.store(), &self.ledger, self.settings, how).await?;
        if how == How::Everything {
            report.caches = caches::remove(self.store(), &self.ledger, self.settings).await?;
        }
        Ok(report)
    }

    /// Returns what `prune` would remove.
    ///
    /// # Errors
    /// [`ImagesError`]: the engine or a folder cannot be read.
    pub async fn foresee(&self, how: How) -> Result<PruneReport, ImagesError> {
        Ok(foresee(self.survey().await?, self.settings, how))
    }

    /// Excludes an image from eviction. Returns its new state.
    ///
    /// # Errors
    /// [`ImagesError`]: no image matches, or several do.
    pub async fn pin(&self, reference: &str) -> Result<ImageEntry, ImagesError> {
        self.set_pinned(reference, true).await
    }

    /// Allows the eviction of an image again. Returns its new state.
    ///
    /// # Errors
    /// [`ImagesError`]: no image matches, or several do.
    pub async fn unpin(&self, reference: &str) -> Result<ImageEntry, ImagesError> {
        self.set_pinned(reference, false).await
    }

    /// Explains why an image exists, what uses it, and when it would be evicted.
    ///
    /// # Errors
    /// [`ImagesError`]: no image matches, or several do.
    pub async fn explain(&self, reference: &str) -> Result<Explanation, ImagesError> {
        let survey = self.survey().await?;
        let index = self.select(&survey, reference).await?;
        let decision = decide(&survey.subjects(), goal(self.settings, How::OnDemand), survey.now);
        let (budget, low) = (self.budget(), low_mark(self.settings));
        let going = going(&survey, &decision, index, budget, low);
        let entry = survey.entries[index].clone();
        let on_it = survey.entries.iter().filter(|other| other.parent.is_some() && other.parent == entry.id);
        let images = on_it.map(ImageEntry::title).collect();
        let containers = match (&self.store, &entry.id) {
            (Some(store), Some(id)) => store.users(&ImageId(id.clone())).await?,
            _ => Vec::new(),
        };
        let resolved = entry.resolved.clone();
        Ok(Explanation { entry, resolved, containers, images, going, total: decision.total, budget })
    }

    async fn set_pinned(&self, reference: &str, pinned: bool) -> Result<ImageEntry, ImagesError> {
        let _activity = self.activities.begin()?;
        let mut survey = self.survey().await?;
        let index = self.select(&survey, reference).await?;
        let mut entry = survey.entries.swap_remove(index);
        let done = if pinned { self.ledger.pin(&entry.key) } else { self.ledger.unpin(&entry.key) };
        done.map_err(|source| PruneError::UsageStore { path: self.settings.state_folder.join("images"), source })?;
        entry.pinned = pinned;
        Ok(entry)
    }

    /// The entry of this reference. Fails with a separate error if the image was not made by this store.
    async fn select(&self, survey: &Survey, reference: &str) -> Result<usize, ImagesError> {
        let missing = match select::select(&survey.entries, reference) {
            Err(missing @ ImagesError::NotFound { .. }) => missing,
            found => return found,
        };
        let Some(store) = self.store() else { return Err(missing) };
        if let Some(hash) = select::environment_of_block(reference, store, self.settings).await {
            let no_image = |_| ImagesError::NoImageOfBlock { block: reference.to_owned() };
            return select::select(&survey.entries, &hash?).map_err(no_image);
        }
        // The reference becomes part of a URL, and must not lead elsewhere.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
        let may_be_a_name = reference.bytes().all(plain) && !reference.contains("..") && !reference.starts_with('/');
        let found = if may_be_a_name { store.find(reference).await? } else { None };
        Err(if found.is_some() { ImagesError::NotOurs { reference: reference.to_owned() } } else { missing })
    }

    async fn survey(&self) -> Result<Survey, ImagesError> {
        Ok(Survey::take(self.store(), &self.ledger, self.settings).await?)
    }

    fn store(&self) -> Option<&dyn ImageStore> {
        self.store.as_deref()
    }
}

/// Bytes of all entries without their bases, and the number of images and of folders.
#[must_use]
pub fn totals(entries: &[ImageEntry]) -> (u64, usize, usize) {
    let folders = entries.iter().filter(|entry| entry.kind == Kind::Folder).count();
    (entries.iter().map(|entry| entry.added_bytes).sum(), entries.len() - folders, folders)
}
