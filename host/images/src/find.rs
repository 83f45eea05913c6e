//! Finds an image by its name, its id, or the beginning of an environment's hash.

use longshore_engine::{ImageStore, StoreError, StoredImage};
use longshore_model::digest::prefix;
use longshore_model::labels::{self, HASH_SHOWN};
use longshore_model::remedy::Remedy;
use thiserror::Error;

/// The repository of images built for blocks; the tag is [`HASH_SHOWN`] digits of the environment's hash.
pub(crate) const ENVIRONMENTS: &str = "longshore/environment";

/// The requested image is not available.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FindError {
    /// No image has this name.
    #[error(
        "there is no image `{reference}`: give a name or an id that the engine knows, or at least 6 digits of an \
         environment's hash"
    )]
    NotFound {
        /// The requested reference.
        reference: String,
    },
    /// The beginning of a hash matches several images.
    #[error("`{reference}` is ambiguous, it matches `{}`: give more digits", .names.join("`, `"))]
    Ambiguous {
        /// The requested reference.
        reference: String,
        /// The matching images.
        names: Vec<String>,
    },
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FindError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::NotFound { .. } => Some(Remedy::ListImages),
            Self::Ambiguous { .. } => None,
            Self::Store(error) => error.remedy(),
        }
    }
}

/// The name of the image of an environment.
pub(crate) fn environment_name(hash: &str) -> String {
    format!("{ENVIRONMENTS}:{}", hash.get(..HASH_SHOWN).unwrap_or(hash))
}

/// Finds the image of a name, an id, or the beginning of an environment's hash.
pub(crate) async fn find_image(store: &dyn ImageStore, reference: &str) -> Result<StoredImage, FindError> {
    let not_found = || FindError::NotFound { reference: reference.to_owned() };
    if !may_be_a_reference(reference) {
        return Err(not_found());
    }
    if let Some(found) = store.find(reference).await? {
        return Ok(found);
    }
    let prefix = prefix(reference).ok_or_else(not_found)?;
    let generated = format!("{}={}", labels::IMAGE_TYPE, labels::GENERATED);
    let mut fitting: Vec<(String, StoredImage)> = Vec::new();
    for image in store.list(Some(&generated)).await? {
        if let Some(name) = environment_of(&image, &prefix) {
            fitting.push((name, image));
        }
    }
    fitting.sort_by(|one, other| one.0.cmp(&other.0));
    match fitting.len() {
        // Inspected by itself, to return as many details as for an image found by name.
        1 => store.find(&fitting[0].0).await?.ok_or_else(not_found),
        0 => Err(not_found()),
        _ => {
            let names = fitting.into_iter().map(|(name, _)| name).collect();
            Err(FindError::Ambiguous { reference: reference.to_owned(), names })
        }
    }
}

/// The name of an image as an environment, if its hash has this beginning. Labels alone are no proof: an image imported
/// from an archive may have any labels, but not the name.
fn environment_of(image: &StoredImage, prefix: &str) -> Option<String> {
    let hash = image.labels.get(labels::ENVIRONMENT).filter(|hash| hash.starts_with(prefix))?;
    let name = environment_name(hash);
    image.names.contains(&name).then_some(name)
}

/// Whether a text may be part of a request to the engine, in whose address it is inserted.
fn may_be_a_reference(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    !text.is_empty()
        && text.bytes().all(fits)
        && !text.split('/').any(|part| part.is_empty() || part == ".." || part == ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::image_id::ImageId;
    use std::collections::BTreeMap;

    #[test]
    fn only_what_can_name_an_image_reaches_the_engine() {
        for fine in ["debian", "longshore/python:0.1.0", "localhost:5000/a/b@sha256:00ff", "sha256:00ff", "a_b"] {
            assert!(may_be_a_reference(fine), "{fine}");
        }
        for wrong in ["", "../containers", "a/../b", "a//b", "a?b=c", "a b", "a%2fb", "ü", "/a"] {
            assert!(!may_be_a_reference(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_environment_is_known_by_label_and_name() {
        let hash = "0123456789abcdef".repeat(4);
        let mut image = StoredImage {
            id: ImageId("sha256:1".into()),
            names: vec!["other:1".into()],
            labels: BTreeMap::from([(labels::ENVIRONMENT.to_owned(), hash.clone())]),
            ..StoredImage::default()
        };
        assert_eq!(environment_of(&image, "012345"), None);
        image.names.push(format!("longshore/environment:{}", &hash[..32]));
        assert_eq!(environment_of(&image, "012345"), Some(environment_name(&hash)));
        assert_eq!(environment_of(&image, "12345"), None);
        assert_eq!(environment_of(&image, &hash), Some(environment_name(&hash)));
    }
}
