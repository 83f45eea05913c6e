//! What the labels of images tell about environments, and when they are believed.

use super::plan::{image_name, layer_name};
use longshore_engine::StoredImage;
use longshore_model::labels;
use std::time::SystemTime;

/// Whether Longshore made an image for this store, and has named it, which it does when it is complete. Labels alone are no
/// proof: an image of an archive may have any.
pub(super) fn is_complete(image: &StoredImage, store: &str) -> bool {
    let label = |key: &str| image.labels.get(key).map(String::as_str).unwrap_or_default();
    let names = [layer_name(label(labels::LAYER_HASH)), image_name(label(labels::ENVIRONMENT))];
    !has_expired(image) && image.names.iter().any(|name| names.contains(name)) && label(labels::STORE) == store
}

/// Whether an image lacked packages when it was built, and it is time to try again.
pub(super) fn has_expired(image: &StoredImage) -> bool {
    let expires = image.labels.get(labels::EXPIRES).and_then(|seconds| seconds.parse().ok());
    expires.is_some_and(|expires: u64| expires <= seconds_now())
}

/// Seconds since 1970.
pub(super) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The lines of a label.
pub(super) fn lines(image: &StoredImage, label: &str) -> Vec<String> {
    let text = image.labels.get(label).map(String::as_str).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
