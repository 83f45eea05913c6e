//! Gets base images and gives them their names. Images of an archive are loaded under names of their own first, and those
//! of a registry keep the registry's; these names are removed in the end, with what has no other.

use super::error::{ProvideError, Unfit};
use super::name::{BaseName, VERSION};
use crate::credentials::Credentials;
use crate::environment::pull;
use crate::transfer::{Loading, Source, passing_name, sweep};
use crate::usage_store::UsageStore;
use longshore_archive::check::CheckedImage;
use longshore_archive::fault::ArchiveFault;
use longshore_engine::{Engines, ImageStore, StoreError, StoredImage};
use longshore_model::cancel::Cancel;
use longshore_model::event::{Event, Events};
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use longshore_model::reference::Reference;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// The lock that callers of this take: names of images are no hashes, as those of environments are.
const LOCK: &str = "base-images";

/// Where base images are got.
#[derive(Debug)]
pub enum Origin {
    /// A registry, with the folder of the images if they are in one, such as `registry.example.com/team`: it has
    /// `registry.example.com/team/longshore/python:0.1.0`.
    Registry(String),
    /// An archive of `docker save` or `podman save`, or an OCI layout, of one or several images with their names.
    Archive(Source),
}

/// A base image that was provided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provided {
    /// Its name, with its version.
    pub name: String,
    /// Its id in the engine.
    pub id: String,
}

/// Whether the engine has each of these base images.
///
/// # Errors
/// [`ProvideError`]: the engine fails, or another image has the name of one.
pub async fn present(names: &[BaseName], engines: &Engines) -> Result<Vec<bool>, ProvideError> {
    let store = engines.images().await.map_err(StoreError::from)?;
    let mut present = Vec::with_capacity(names.len());
    for name in names {
        present.push(own(store.as_ref(), &name.image()).await?.is_some());
    }
    Ok(present)
}

/// Provides base images, in place of those that exist. `stop` ends the pulls and the reading of the archive.
///
/// # Errors
/// [`ProvideError`]: an image is missing, damaged or not of this version. The names of Longshore's images are then what they
/// were, unless the engine failed while it changed them.
pub async fn provide(
    names: &[BaseName],
    origin: Origin,
    engines: &Engines,
    events: &Events,
    stop: &Cancel,
) -> Result<Vec<Provided>, ProvideError> {
    let settings = engines.settings();
    let store = engines.images().await.map_err(StoreError::from)?;
    let ledger = UsageStore::new(&settings.state_folder);
    let locked = |source| ProvideError::Lock { folder: settings.state_folder.clone(), source };
    let held = ledger.claim(LOCK).await.map_err(locked)?;
    for name in names.iter().flat_map(BaseName::images) {
        own(store.as_ref(), &name).await?;
    }
    sweep(store.as_ref()).await?;
    let mut arrivals = Arrivals { store: store.as_ref(), got: Vec::new(), passing: Vec::new() };
    let arrived = match origin {
        Origin::Registry(registry) => {
            let credentials = Credentials::new(&settings.docker_config);
            tokio::select! {
                pulled = arrivals.pull(names, &registry, &credentials, events) => pulled,
                () = stop.cancelled() => Err(ProvideError::Cancelled),
            }
        }
        Origin::Archive(archive) => arrivals.load(names, archive, engines, events, stop).await,
    };
    let named = match arrived {
        Ok(()) => arrivals.name().await,
        Err(error) => Err(error),
    };
    arrivals.leave().await;
    // Nothing is recorded of base images; the lock alone would be listed.
    let _ = ledger.forget(LOCK, &held);
    named
}

/// Images on their way to their names.
struct Arrivals<'a> {
    store: &'a dyn ImageStore,
    /// Those that are checked, by the names that they will have.
    got: Vec<(BaseName, ImageId)>,
    /// Names that were not there before, and will not be afterwards.
    passing: Vec<String>,
}

impl Arrivals<'_> {
    async fn pull(
        &mut self,
        names: &[BaseName],
        registry: &str,
        credentials: &Credentials,
        events: &Events,
    ) -> Result<(), ProvideError> {
        let mut references = Vec::with_capacity(names.len());
        for name in names {
            let text = format!("{}/{}", registry.trim_end_matches('/'), name.image());
            let reference = Reference::parse(&text)
                .map_err(|source| ProvideError::Registry { registry: registry.to_owned(), source })?;
            if reference.is_on_hub() && (reference.is_ours() || !registry.contains(['.', ':'])) {
                return Err(ProvideError::Hub { registry: registry.to_owned() });
            }
            references.push((name, text, reference));
        }
        for (name, image, reference) in references {
            if self.store.find(&image).await?.is_none() {
                self.passing.push(image.clone());
            }
            let found = pull(self.store, reference, &image, credentials, events).await?;
            let wrong = |unfit| ProvideError::Unfit { image: image.clone(), name: name.image(), unfit };
            fits(name, &found.labels).map_err(wrong)?;
            // Another user of the registry may remove its name.
            let passing = passing_name(&found.id.0);
            self.passing.push(passing.clone());
            self.store.tag(&found.id, &passing).await?;
            self.got.push((name.clone(), found.id));
        }
        Ok(())
    }

    async fn load(
        &mut self,
        names: &[BaseName],
        archive: Source,
        engines: &Engines,
        events: &Events,
        stop: &Cancel,
    ) -> Result<(), ProvideError> {
        let tell = |line: String| events.tell(Event::Building { line });
        let platform = self.store.platform().await?;
        let path = archive.name().to_owned();
        let folder = engines.settings().temporary_folder.clone();
        tell(format!("checking {}", path.display()));
        let (wanted, from) = (names.to_vec(), path.clone());
        let checking = spawn_blocking(move || {
            let wrong = |source| ProvideError::Archive { path: from.clone(), source };
            let file = archive.open(&folder).map_err(wrong)?;
            let mut images = Vec::with_capacity(wanted.len());
            for name in wanted {
                let file = file.try_clone().map_err(|error| wrong(ArchiveFault::Read(error)))?;
                let image = CheckedImage::named(file, &name.image(), &platform).map_err(wrong)?;
                let unfit =
                    |unfit| ProvideError::Unfit { image: from.display().to_string(), name: name.image(), unfit };
                fits(&name, &image.config.labels).map_err(unfit)?;
                images.push((name, Arc::new(image)));
            }
            Ok::<_, ProvideError>(images)
        });
        let images = tokio::select! {
            checked = checking => checked.map_err(ProvideError::Ended)??,
            // A pipe may wait without a limit. Its thread ends with it.
            () = stop.cancelled() => return Err(ProvideError::Cancelled),
        };
        for (name, image) in images {
            let passing = passing_name(&image.id.to_string());
            self.passing.push(passing.clone());
            tell(format!("loading {}", name.image()));
            let loaded = Loading { store: self.store, path: &path, name: &passing }.run(image).await?;
            self.got.push((name, ImageId(loaded)));
        }
        Ok(())
    }

    /// Gives all images their names. An image that had one goes, if it has no other and nothing is built on it.
    async fn name(&self) -> Result<Vec<Provided>, ProvideError> {
        let mut provided = Vec::with_capacity(self.got.len());
        for (name, id) in &self.got {
            let former = self.store.find(&name.image()).await?;
            for image in name.images() {
                self.store.tag(id, &image).await?;
            }
            if let Some(former) = former.filter(|former| former.id != *id) {
                let left = self.store.find(&former.id.0).await?;
                if left.is_some_and(|left| left.names.is_empty()) {
                    // Images of blocks may be built on it.
                    let _ = self.store.remove(&former.id.0).await;
                }
            }
            provided.push(Provided { name: name.image(), id: id.0.clone() });
        }
        Ok(provided)
    }

    /// Removes the names that images had on their way.
    async fn leave(&self) {
        for name in &self.passing {
            // Whoever provides images next removes what stays.
            let _ = self.store.remove(name).await;
        }
    }
}

/// The image of a name, which must be a base image.
async fn own(store: &dyn ImageStore, name: &str) -> Result<Option<StoredImage>, ProvideError> {
    let found = store.find(name).await?;
    match found {
        Some(image) if !is_base(&image.labels) => Err(ProvideError::NameTaken { name: name.to_owned() }),
        found => Ok(found),
    }
}

fn is_base(labels: &BTreeMap<String, String>) -> bool {
    labels.get(labels::IMAGE_TYPE).is_some_and(|kind| kind == labels::BASE_TYPE)
}

/// Whether an image has the labels of a base image of this version.
fn fits(name: &BaseName, labels: &BTreeMap<String, String>) -> Result<(), Unfit> {
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    if !is_base(labels) {
        return Err(Unfit::NotBase);
    }
    let found = label(labels::AGENT);
    if found != VERSION {
        return Err(Unfit::Version { found, expected: VERSION });
    }
    if label(labels::USERS).is_empty() {
        return Err(Unfit::NoUsers);
    }
    let found = label(labels::LANGUAGE);
    if name.language().is_some_and(|language| language != found) {
        return Err(Unfit::Language { found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_whose_image_it_is_and_for_what() {
        let fine = [
            (labels::IMAGE_TYPE, labels::BASE_TYPE),
            (labels::AGENT, VERSION),
            (labels::USERS, "43560-43815"),
            (labels::LANGUAGE, "python"),
        ];
        let with = |changed: &str, value: &str| {
            let labels = fine.iter().map(|(name, as_is)| (*name, if *name == changed { value } else { *as_is }));
            labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()
        };
        let python: BaseName = "python-pandas2".parse().unwrap();
        assert_eq!(fits(&python, &with("", "")), Ok(()));
        assert_eq!(fits(&"base".parse().unwrap(), &with(labels::LANGUAGE, "")), Ok(()));
        let version = |found: &str| Unfit::Version { found: found.into(), expected: VERSION };
        for (label, value, unfit) in [
            (labels::IMAGE_TYPE, labels::GENERATED, Unfit::NotBase),
            (labels::AGENT, "0.0.9", version("0.0.9")),
            (labels::AGENT, "", version("")),
            (labels::USERS, "", Unfit::NoUsers),
            (labels::LANGUAGE, "r", Unfit::Language { found: "r".into() }),
        ] {
            assert_eq!(fits(&python, &with(label, value)), Err(unfit));
        }
        assert_eq!(fits(&python, &BTreeMap::new()), Err(Unfit::NotBase));
    }
}
