//! The images of this machine, for application authors and the command `longshore images`.

mod bases;
mod error;
mod explain;
mod origin;
mod select;
mod unbuilt;

pub use bases::{BaseImage, Removal};
pub use error::ImagesError;
pub use explain::{Explanation, Going};
pub use origin::{Listed, PackageOrigin};
pub use unbuilt::{Explained, InBase, Unbuilt};

use crate::pruning::decide::{Fate, Stays, decide};
use crate::pruning::entry::{ImageEntry, Kind};

use crate::environment::{self, EnvironmentError};
use crate::fingerprint::image::ask_needs;
use crate::fingerprint::of_image;
use crate::listed;
use crate::pruning::prune::{How, foresee, goal, low_mark, prune, remove_one};
use crate::pruning::report::PruneReport;
use crate::pruning::survey::Survey;
use crate::pruning::{PruneError, caches, folders};
use crate::usage_store::UsageStore;
use explain::going;
use longshore_block::Block;
use longshore_config::settings::Settings;
use longshore_engine::{Engines, ImageStore, Interpreters, RunImage, StoreError};
use longshore_model::activity::Activities;
use longshore_model::image_id::ImageId;
use origin::Known;
use select::{BlockEnvironment, BlockPlace};
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

    /// Explains why an image and each of its packages exist, what uses it, and when it would be evicted. Of a block without
    /// an image it tells what the block lists.
    ///
    /// # Errors
    /// [`ImagesError`]: no image matches, or several do.
    pub async fn explain(&self, reference: &str) -> Result<Explained, ImagesError> {
        let survey = self.survey().await?;
        let (index, block) = match self.select(&survey, reference).await? {
            Selected::Image(index) => (index, None),
            Selected::OfBlock(index, block) => (index, Some(block)),
            Selected::Unbuilt(block) => return Ok(Explained::Unbuilt(Unbuilt::of(reference, &block)?)),
            Selected::InBase(block) => return self.in_base(reference, &block).await,
        };
        let decision = decide(&survey.subjects(), goal(self.settings, How::OnDemand), survey.now);
        let (budget, low) = (self.budget(), low_mark(self.settings));
        let going = going(&survey, &decision, index, budget, low);
        let entry = survey.entries[index].clone();
        let on_it = survey.entries.iter().filter(|other| other.parent.is_some() && other.parent == entry.id);
        let images = on_it.map(ImageEntry::title).collect();
        let below = survey.entries.iter().find(|other| other.id.is_some() && other.id == entry.parent);
        let built_on = below.map(ImageEntry::title);
        let containers = match (&self.store, &entry.id) {
            (Some(store), Some(id)) => store.users(&ImageId(id.clone())).await?,
            _ => Vec::new(),
        };
        let (installed, note) = self.packages(&entry, block.as_deref()).await?;
        let total = decision.total;
        Ok(Explained::Image(Box::new(Explanation {
            entry,
            installed,
            note,
            built_on,
            containers,
            images,
            going,
            total,
            budget,
        })))
    }

    /// A block that runs in its base.
    async fn in_base(&self, reference: &str, block: &Block) -> Result<Explained, ImagesError> {
        let failed = |source| ImagesError::Environment { block: reference.to_owned(), source: Box::new(source) };
        let missing = || ImagesError::NoImageOfBlock { block: reference.to_owned() };
        let store = self.store().ok_or_else(missing)?;
        let (base, image) = environment::find(block, store, self.settings).await.map_err(failed)?;
        let image = RunImage::of(&base, image.ok_or_else(missing)?);
        let interpreters = Interpreters::of_image(&image);
        let installed = of_image(store, &base, &image.id, &interpreters, &self.settings.state_folder).await;
        let installed = installed.map_err(|source| failed(EnvironmentError::Installed { source: Box::new(source) }))?;
        Ok(Explained::InBase(InBase::of(reference, block, base, installed)?))
    }

    /// The packages of an image, and why they are there, with a note if not all of that can be found.
    async fn packages(
        &self,
        entry: &ImageEntry,
        block: Option<&Block>,
    ) -> Result<(Vec<PackageOrigin>, Option<String>), ImagesError> {
        let (mut image, mut note) = (None, None);
        if let (Some(store), Some(id)) = (self.store(), &entry.id)
            && (!entry.resolved.is_empty() || !entry.packages.is_empty())
            && let Some(found) = store.find(id).await?
        {
            let name = entry.title();
            let interpreters = Interpreters::of_image(&RunImage::of(&name, found));
            match ask_needs(store, &name, &ImageId(id.clone()), &interpreters).await {
                Ok(answer) => image = Some(answer),
                Err(error) => note = Some(format!("which package needs which is unknown: {error}")),
            }
        }
        let listed = block.map_or_else(|| entry.listed.clone(), listed::of_block);
        let lock = block.map(unbuilt::lock).transpose()?.flatten();
        let known = Known {
            listed: &listed,
            installed: &entry.resolved,
            image: image.as_ref(),
            constraints: &entry.constraints,
            lock: lock.as_ref(),
        };
        Ok((origin::origins(&known), note))
    }

    /// The entry of an image, by its name, id or hash, or a block that runs in it.
    ///
    /// # Errors
    /// [`ImagesError`]: no image matches, or several do.
    pub async fn find(&self, reference: &str) -> Result<ImageEntry, ImagesError> {
        let mut survey = self.survey().await?;
        match self.select(&survey, reference).await? {
            Selected::Image(index) | Selected::OfBlock(index, _) => Ok(survey.entries.swap_remove(index)),
            Selected::Unbuilt(_) => Err(ImagesError::NoImageOfBlock { block: reference.to_owned() }),
            Selected::InBase(_) => Err(ImagesError::NoEnvironment { block: reference.to_owned() }),
        }
    }

    /// Removes an image, whether or not its space is needed.
    ///
    /// # Errors
    /// [`ImagesError::Stays`]: it is in use, pinned, has names of others, or other images are built on it. Else no image
    /// matches, several do, or the engine fails.
    pub async fn remove(&self, reference: &str) -> Result<ImageEntry, ImagesError> {
        let _activity = self.activities.begin()?;
        let mut survey = self.survey().await?;
        let index = match self.select(&survey, reference).await? {
            Selected::Image(index) | Selected::OfBlock(index, _) => index,
            Selected::Unbuilt(_) => return Err(ImagesError::NoImageOfBlock { block: reference.to_owned() }),
            Selected::InBase(_) => return Err(ImagesError::NoEnvironment { block: reference.to_owned() }),
        };
        let stays = |why| ImagesError::Stays { reference: reference.to_owned(), why };
        let identity = survey.entries[index].identity();
        if survey.entries.iter().any(|other| other.parent.as_ref() == Some(&identity)) {
            return Err(stays(Stays::CarriesKept));
        }
        let decision = decide(&survey.subjects(), goal(self.settings, How::Everything), survey.now);
        if let Fate::Stays(why) = decision.fates[index] {
            return Err(stays(why));
        }
        let removed = remove_one(self.store(), &self.ledger, &survey, index).await;
        match removed.map_err(|source| ImagesError::NotRemoved { reference: reference.to_owned(), source })? {
            true => Ok(survey.entries.swap_remove(index)),
            false => Err(stays(Stays::Held)),
        }
    }

    async fn set_pinned(&self, reference: &str, pinned: bool) -> Result<ImageEntry, ImagesError> {
        let _activity = self.activities.begin()?;
        let mut entry = self.find(reference).await?;
        let done = if pinned { self.ledger.pin(&entry.key) } else { self.ledger.unpin(&entry.key) };
        done.map_err(|source| PruneError::UsageStore { path: self.settings.state_folder.join("images"), source })?;
        entry.pinned = pinned;
        Ok(entry)
    }

    /// The entry of this reference. Fails with a separate error if the image was not made by this store.
    async fn select(&self, survey: &Survey, reference: &str) -> Result<Selected, ImagesError> {
        let missing = match select::select(&survey.entries, reference) {
            Err(missing @ ImagesError::NotFound { .. }) => missing,
            found => return found.map(Selected::Image),
        };
        let Some(store) = self.store() else { return Err(missing) };
        if let Some(environment) = select::environment_of_block(reference, store, self.settings).await {
            let BlockEnvironment { block, place } = environment?;
            let block = Box::new(block);
            let found = match place {
                BlockPlace::Base => return Ok(Selected::InBase(block)),
                BlockPlace::Environment(hash) => select::select(&survey.entries, &hash).ok(),
                BlockPlace::Unknown => None,
            };
            return Ok(found.map_or(Selected::Unbuilt(block.clone()), |index| Selected::OfBlock(index, block)));
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

/// What a reference stands for.
enum Selected {
    /// An image, by its place in the survey.
    Image(usize),
    /// The image of a block.
    OfBlock(usize, Box<Block>),
    /// A block whose image does not exist.
    Unbuilt(Box<Block>),
    /// A block whose base has all that it lists.
    InBase(Box<Block>),
}

/// Bytes of all entries without their bases, and the number of images and of folders.
#[must_use]
pub fn totals(entries: &[ImageEntry]) -> (u64, usize, usize) {
    let folders = entries.iter().filter(|entry| entry.kind == Kind::Folder).count();
    (entries.iter().map(|entry| entry.added_bytes).sum(), entries.len() - folders, folders)
}
