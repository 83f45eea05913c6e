//! Longshore's own base images and volumes: which there are, which are of a former version, and their removal. Base
//! images count in no budget, since runs of any block need them.

use super::{ImageCollection, ImagesError};
use longshore_engine::StoredImage;
use longshore_model::digest::is_hexadecimal;
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use longshore_model::reference::Reference;

/// The prefix of the names of the volumes with tools.
const TOOLS: &str = "longshore-tools-uv-";

/// This version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A base image of Longshore's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BaseImage {
    /// Its id.
    pub id: ImageId,
    /// Its names, with their tags; empty if later images have them.
    pub names: Vec<String>,
    /// Its size in bytes, with the layers that it shares with others.
    pub bytes: u64,
    /// Whether an earlier version of Longshore made it, and no setting names it.
    pub is_former: bool,
}

/// Something that was to be removed, and why it is still there.
#[derive(Debug)]
#[non_exhaustive]
pub struct Removal {
    /// Its name.
    pub name: String,
    /// The engine's reason; `None` if it is gone.
    pub failure: Option<String>,
}

impl ImageCollection<'_> {
    /// Longshore's own base images.
    ///
    /// # Errors
    /// [`ImagesError`]: the engine cannot be read.
    pub async fn bases(&self) -> Result<Vec<BaseImage>, ImagesError> {
        let Some(store) = self.store() else { return Ok(Vec::new()) };
        let all = store.list(Some(labels::IMAGE_TYPE)).await?;
        let settings = self.settings;
        let named = settings.base_images();
        Ok(all.into_iter().filter(is_base).map(|image| base(image, &named)).collect())
    }

    /// Removes base images. One on which other images are built keeps its layers until they are removed.
    ///
    /// # Errors
    /// [`ImagesError`]: the host is shutting down.
    pub async fn remove_bases(&self, bases: &[BaseImage]) -> Result<Vec<Removal>, ImagesError> {
        let _activity = self.activities.begin()?;
        let mut removals = Vec::new();
        let Some(store) = self.store() else { return Ok(removals) };
        for base in bases {
            // Without a name it is removed by its id.
            let names = if base.names.is_empty() { std::slice::from_ref(&base.id.0) } else { &base.names };
            for name in names {
                let failure = store.remove(name).await.err().map(|error| error.to_string());
                removals.push(Removal { name: name.clone(), failure });
            }
        }
        Ok(removals)
    }

    /// The former base images on which no image of this store is built.
    ///
    /// # Errors
    /// [`ImagesError`]: the engine cannot be read.
    pub async fn former_bases(&self) -> Result<Vec<BaseImage>, ImagesError> {
        let used = self.list().await?;
        let is_used = |base: &BaseImage| {
            used.iter().any(|entry| entry.base.as_ref().is_some_and(|name| base.names.contains(name)))
        };
        let mut bases = self.bases().await?;
        bases.retain(|base| base.is_former && !is_used(base));
        Ok(bases)
    }

    /// Longshore's volumes, which hold downloaded packages and tools.
    ///
    /// # Errors
    /// [`ImagesError`]: the engine cannot be read.
    pub async fn volumes(&self) -> Result<Vec<String>, ImagesError> {
        let Some(store) = self.store() else { return Ok(Vec::new()) };
        let mut volumes = store.volumes(labels::CACHE_VOLUMES).await?;
        volumes.retain(|name| is_cache(name));
        volumes.extend(store.volumes(TOOLS).await?);
        Ok(volumes)
    }

    /// Removes volumes that no container uses.
    ///
    /// # Errors
    /// [`ImagesError`]: the host is shutting down.
    pub async fn remove_volumes(&self, names: &[String]) -> Result<Vec<Removal>, ImagesError> {
        let _activity = self.activities.begin()?;
        let mut removals = Vec::new();
        let Some(store) = self.store() else { return Ok(removals) };
        for name in names {
            let failure = match store.remove_volume(name).await {
                Ok(true) => None,
                Ok(false) => Some("a container uses it".to_owned()),
                Err(error) => Some(error.to_string()),
            };
            removals.push(Removal { name: name.clone(), failure });
        }
        Ok(removals)
    }
}

/// Whether a volume has a name that Longshore gave it: others may begin in the same way.
fn is_cache(name: &str) -> bool {
    let rest = name.strip_prefix(labels::CACHE_VOLUMES).unwrap_or("x");
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_hexadecimal)
}

/// Whether an image is a base image that has only names of Longshore's: a user's own name keeps it.
fn is_base(image: &StoredImage) -> bool {
    let is_ours = |name: &String| Reference::parse(name).is_ok_and(|reference| reference.is_ours());
    image.labels.get(labels::IMAGE_TYPE).is_some_and(|kind| kind == labels::BASE_TYPE)
        && image.names.iter().all(is_ours)
}

fn base(image: StoredImage, named: &[&str]) -> BaseImage {
    let version = image.labels.get(labels::AGENT);
    let is_former = version.is_none_or(|version| is_earlier(version, VERSION))
        && !image.names.iter().any(|name| named.contains(&name.as_str()));
    BaseImage { id: image.id, names: image.names, bytes: image.size, is_former }
}

/// Whether a version is earlier than another; one that is not of three numbers is.
fn is_earlier(version: &str, than: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>();
    numbers(version) < numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(names: &[&str], labels: &[(&str, &str)]) -> StoredImage {
        StoredImage {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..StoredImage::default()
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, than, earlier) in [
            ("0.9.0", "0.10.0", true),
            ("0.10.0", "0.9.0", false),
            ("1.0.0", "1.0.0", false),
            ("", "1.0.0", true),
            ("1.x", "1.0.0", true),
        ] {
            assert_eq!(is_earlier(version, than), earlier, "{version} {than}");
        }
    }

    #[test]
    fn a_volume_that_only_begins_alike_is_not_ours() {
        for (name, ours) in [
            ("longshore-packages", true),
            ("longshore-packages-a3ceb69156d9", true),
            ("longshore-packages-mine", false),
            ("longshore-packages2", false),
            ("other", false),
        ] {
            assert_eq!(is_cache(name), ours, "{name}");
        }
    }

    #[test]
    fn only_own_images_are_ours_and_only_earlier_ones_former() {
        let base_of = |version| [(labels::IMAGE_TYPE, labels::BASE_TYPE), (labels::AGENT, version)];
        assert!(is_base(&image(&["longshore/r:0.0.1", "longshore/r:latest"], &base_of("0.0.1"))));
        assert!(is_base(&image(&[], &base_of("0.0.1"))));
        assert!(!is_base(&image(&["longshore/r:0.0.1", "team/r:1"], &base_of("0.0.1"))));
        assert!(!is_base(&image(&["longshore/r:0.0.1"], &[(labels::IMAGE_TYPE, labels::GENERATED)])));
        let former = |version, named: &[&str]| base(image(&["longshore/r:0.0.1"], &base_of(version)), named).is_former;
        assert!(former("0.0.1", &[]));
        assert!(!former("0.0.1", &["longshore/r:0.0.1"]));
        assert!(!former(VERSION, &[]) && !former("999.0.0", &[]));
    }
}
