//! Lists everything that clean-up handles: one request for the images, one for the containers, and the usage store. The
//! decisions are made elsewhere.

use super::decide::{Stays, Subject, last_uses};
use super::entry::{ImageEntry, Kind};
use super::error::PruneError;
use super::folders::{self, Folder};
use super::ownership::{IMPORTED, Owned, owned};
use crate::listed::{self, ListedKind, ListedPackage};
use crate::usage_store::UsageStore;
use longshore_config::settings::Settings;
use longshore_engine::{ImageStore, StoreError, StoredImage};
use longshore_model::digest::{Digest, digits, is_hash};
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

/// The images and folders found.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Images and folders, least recently used first.
    pub(crate) entries: Vec<ImageEntry>,
    /// Their names in the usage store, including those of other stores.
    pub(crate) present: HashSet<String>,
    /// The time of the survey.
    pub(crate) now: SystemTime,
}

/// The name of an image in the usage store, as used by its maker: the hash of its environment, that of a layer with a
/// prefix, or the name of an imported image. All others use their ids. An image's labels count only if it also has the
/// name for them.
pub(crate) fn ledger_key(image: &StoredImage, kind: Kind) -> String {
    // A label is untrusted, and becomes the name of a folder.
    let environment = image.labels.get(labels::ENVIRONMENT).filter(|hash| is_hash(hash));
    let imported = image.names.iter().find(|name| name.starts_with(IMPORTED));
    match (kind, environment, imported) {
        (Kind::Generated, Some(hash), _) => hash.clone(),
        (Kind::Layer, Some(hash), _) => format!("layer-{hash}"),
        (Kind::Dockerfile, Some(hash), _) => format!("dockerfile-{hash}"),
        (Kind::Imported, _, Some(name)) => name.replace(['/', ':'], "-"),
        _ => digits(&image.id.0).to_owned(),
    }
}

/// The name in the usage store of an image that clean-up may remove; `None` for all others.
pub(crate) fn key(image: &StoredImage, settings: &Settings) -> Option<String> {
    owned(image, settings).map(|owned| ledger_key(image, owned.kind))
}

impl Survey {
    /// Takes the survey. Without a store there are only folders.
    pub(crate) async fn take(
        store: Option<&dyn ImageStore>,
        ledger: &UsageStore,
        settings: &Settings,
    ) -> Result<Self, PruneError> {
        let now = SystemTime::now();
        let (images, in_use) = match store {
            Some(store) => futures_util::future::try_join(store.list(None), store.in_use()).await?,
            None => (Vec::new(), HashSet::new()),
        };
        let mut found = found(&images, settings);
        if let Some(store) = store {
            found.weigh(store, &images).await?;
        }
        let mut entries: Vec<ImageEntry> = found.images.iter().map(|image| image.entry(&in_use, now)).collect();
        let (ledger, cache) = (ledger.clone(), settings.cache_folder.clone());
        let state = settings.state_folder.join("images");
        let looking = tokio::task::spawn_blocking(move || {
            let unreadable = |source| PruneError::Folders { path: folders::place(&cache), source };
            entries.extend(folders::folders(&cache).map_err(unreadable)?.into_iter().map(folder_entry));
            // Most of a thousand may have no record, and one listing shows which.
            let known = ledger.environments().map_err(|source| PruneError::UsageStore { path: state, source })?;
            let known: HashSet<String> = known.into_iter().collect();
            for entry in entries.iter_mut().filter(|entry| known.contains(&entry.key)) {
                consult(entry, &ledger, now);
            }
            Ok::<_, PruneError>(entries)
        });
        let entries = looking.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        const KINDS: [Kind; 5] = [Kind::Generated, Kind::Layer, Kind::Dockerfile, Kind::Imported, Kind::Custom];
        let others = images.iter().flat_map(|image| KINDS.map(|kind| ledger_key(image, kind)));
        let present = entries.iter().map(|entry| entry.key.clone()).chain(others).collect();
        let mut survey = Self { entries, present, now };
        let uses = last_uses(&survey.subjects());
        for (entry, used) in survey.entries.iter_mut().zip(uses) {
            (entry.last_used, entry.unused_seconds) = (used, now.duration_since(used).unwrap_or_default());
        }
        survey.entries.sort_by(|one, other| (one.last_used, &one.hash).cmp(&(other.last_used, &other.hash)));
        Ok(survey)
    }

    /// The properties of the entries that decide their eviction, in the same order.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        let subject = |entry: &ImageEntry| Subject {
            id: entry.identity(),
            parent: entry.parent.clone(),
            added: entry.added_bytes,
            last_used: entry.last_used,
            protection: entry.protection,
            nameless: entry.is_nameless(),
        };
        self.entries.iter().map(subject).collect()
    }
}

/// An image of Longshore, before its usage record was read.
struct Found<'a> {
    image: &'a StoredImage,
    owned: Owned,
    parent: Option<&'a str>,
    added: u64,
    carries_others: bool,
}

struct FoundImages<'a> {
    images: Vec<Found<'a>>,
    sizes: HashMap<&'a str, u64>,
}

fn found<'a>(images: &'a [StoredImage], settings: &Settings) -> FoundImages<'a> {
    let environment = |image: &'a StoredImage| image.labels.get(labels::ENVIRONMENT).map(String::as_str);
    let ours: Vec<(&StoredImage, Owned)> =
        images.iter().filter_map(|image| Some((image, owned(image, settings)?))).collect();
    let is_made = |kind| matches!(kind, Kind::Generated | Kind::Layer | Kind::Dockerfile);
    let named = ours.iter().filter(|(image, owned)| is_made(owned.kind) && !image.names.is_empty());
    let made: HashMap<&str, &str> =
        named.filter_map(|(image, _)| Some((environment(image)?, image.id.0.as_str()))).collect();
    // An image that others built `FROM` one of Longshore's has its labels, but no name or mark of Longshore.
    let store = |image: &StoredImage| image.labels.get(labels::STORE).map_or("default", String::as_str).to_owned();
    let theirs = images.iter().filter(|image| !image.names.is_empty() && store(image) == settings.images.store);
    let theirs = theirs.filter(|image| owned(image, settings).is_none());
    let carrying: HashSet<&str> = theirs.filter_map(environment).collect();
    let parent = |image: &'a StoredImage, owned: Owned| match owned.kind {
        // Its label would be that of the image it was built from.
        Kind::Custom => environment(image).and_then(|hash| made.get(hash).copied()),
        _ => image.labels.get(labels::PARENT).map(String::as_str),
    };
    let found = |(image, owned): (&'a StoredImage, Owned)| Found {
        image,
        owned,
        parent: parent(image, owned),
        added: image.size,
        carries_others: is_made(owned.kind)
            && !image.names.is_empty()
            && environment(image).is_some_and(|hash| carrying.contains(hash)),
    };
    let found = ours.into_iter().map(found).collect();
    FoundImages { images: found, sizes: images.iter().map(|image| (image.id.0.as_str(), image.size)).collect() }
}

impl<'a> FoundImages<'a> {
    /// Determines what each image adds. Further requests to the store are needed only for bases without a name, a
    /// handful for any number of images, and for custom images.
    async fn weigh(&mut self, store: &dyn ImageStore, images: &'a [StoredImage]) -> Result<(), StoreError> {
        let listed: HashSet<&str> = images.iter().map(|image| image.id.0.as_str()).collect();
        let parents: HashSet<&str> = self.images.iter().filter_map(|image| image.parent).collect();
        for parent in parents.difference(&listed) {
            // Labels of a foreign archive may not be a valid id.
            if Digest::parse(parent).is_some()
                && let Some(base) = store.find(parent).await?
            {
                self.sizes.insert(parent, base.size);
            }
        }
        for found in &mut self.images {
            found.added = match found.parent.and_then(|parent| self.sizes.get(parent)) {
                Some(below) => found.image.size.saturating_sub(*below),
                None if found.owned.kind == Kind::Custom => {
                    store.own_size(&found.image.id).await?.min(found.image.size)
                }
                None => found.image.size,
            };
        }
        Ok(())
    }
}

impl Found<'_> {
    fn entry(&self, in_use: &HashSet<ImageId>, now: SystemTime) -> ImageEntry {
        let image = self.image;
        let label = |key: &str| image.labels.get(key).cloned();
        let lines = |key: &str| label(key).unwrap_or_default().lines().map(str::to_owned).collect();
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(image.created).unwrap_or(0));
        let in_use = in_use.contains(&image.id);
        let protection = match () {
            () if in_use => Some(Stays::InUse),
            () if self.owned.named_by_others => Some(Stays::NamedByOthers),
            () if self.carries_others => Some(Stays::CarriesOthers),
            () => None,
        };
        let key = ledger_key(image, self.owned.kind);
        // An image built from one of Longshore's has its labels, but other packages.
        let of_ours = self.owned.kind != Kind::Custom;
        let lines = |key: &str| if of_ours { lines(key) } else { Vec::new() };
        let of_key = ["layer-", "dockerfile-", "longshore-imported-"]
            .iter()
            .fold(key.as_str(), |hash, prefix| hash.trim_start_matches(prefix));
        // Stages of a build have its hash, until the image with its name exists.
        let is_stage = self.owned.kind == Kind::Dockerfile && image.names.is_empty();
        ImageEntry {
            hash: if is_stage { digits(&image.id.0) } else { of_key }.to_owned(),
            kind: self.owned.kind,
            id: Some(image.id.0.clone()),
            names: image.names.clone(),
            path: None,
            base: label(labels::BASE).filter(|_| of_ours),
            parent: self.parent.map(str::to_owned),
            packages: lines(labels::PACKAGES),
            system_packages: lines(labels::SYSTEM_PACKAGES),
            as_of: lines(labels::AS_OF).into_iter().next(),
            constraints: lines(labels::CONSTRAINTS),
            resolved: lines(labels::RESOLVED),
            listed: listed_in(image, of_ours),
            added_bytes: self.added,
            created: created.min(now),
            last_used: created.min(now),
            unused_seconds: Duration::ZERO,
            in_use,
            pinned: false,
            protection,
            key,
        }
    }
}

/// What the block lists that an image was made for. Images of before have the packages without their places.
fn listed_in(image: &StoredImage, of_ours: bool) -> Vec<ListedPackage> {
    let label = |key: &str| image.labels.get(key).map(String::as_str).unwrap_or_default();
    if !of_ours {
        return Vec::new();
    }
    let listed = label(labels::LISTED);
    if !listed.is_empty() {
        return listed::read(listed.trim_end());
    }
    let is_r = label(labels::RESOLVED).lines().any(|line| line.starts_with("r ") || line.starts_with("deb r-cran-"));
    let language = if is_r { ListedKind::R } else { ListedKind::Python };
    let lists = [(language, label(labels::PACKAGES)), (ListedKind::Debian, label(labels::SYSTEM_PACKAGES))];
    let package = |kind, text: &str| ListedPackage { kind, text: text.to_owned(), place: None };
    lists.into_iter().flat_map(|(kind, list)| list.lines().map(move |text| package(kind, text))).collect()
}

fn folder_entry(folder: Folder) -> ImageEntry {
    let kind = if folder.record.language == "r" { ListedKind::R } else { ListedKind::Python };
    let listed = |text: &String| ListedPackage { kind, text: text.clone(), place: None };
    let listed = folder.packages.iter().map(listed).collect();
    // The record of R packages has a blank before the version.
    let line = |package: &String| format!("{} {}", kind.word(), package.replace(' ', "=="));
    let resolved = folder.record.installed.iter().map(line).collect();
    ImageEntry {
        key: folder.hash.clone(),
        hash: folder.hash,
        kind: Kind::Folder,
        id: None,
        names: Vec::new(),
        path: Some(folder.path),
        base: None,
        parent: None,
        packages: folder.packages,
        system_packages: Vec::new(),
        as_of: None,
        constraints: Vec::new(),
        resolved,
        listed,
        added_bytes: folder.bytes,
        created: folder.created,
        last_used: folder.created,
        unused_seconds: Duration::ZERO,
        in_use: false,
        pinned: false,
        protection: None,
    }
}

/// Adds the usage record. Blocks, but not for long.
fn consult(entry: &mut ImageEntry, ledger: &UsageStore, now: SystemTime) {
    // Uses and pins are recorded under a name, which now belongs to the image's successor.
    if !entry.is_nameless() {
        entry.last_used = ledger.last_used(&entry.key).map_or(entry.last_used, |used| used.max(entry.created).min(now));
        entry.pinned = ledger.is_pinned(&entry.key);
        let held = ledger.is_held(&entry.key).then_some(Stays::Held);
        let pinned = entry.pinned.then_some(Stays::Pinned);
        entry.protection = entry.protection.or(held).or(pinned);
        entry.in_use |= entry.kind == Kind::Folder && held.is_some();
    }
}
