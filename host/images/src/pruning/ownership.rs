//! The owner of an image: a pure function of its names and labels. Images of others are never removed, and labels alone
//! do not make an image Longshore's: an image built `FROM` one of Longshore's has its labels too.

use super::entry::Kind;
use longshore_config::settings::Settings;
use longshore_engine::StoredImage;
use longshore_model::labels;

/// The repositories of images that Longshore builds and names.
const ENVIRONMENTS: &str = "longshore/environment:";
const LAYERS: &str = "longshore/layer:";
const DOCKERFILES: &str = "longshore/dockerfile:";
const MADE: [&str; 3] = [ENVIRONMENTS, LAYERS, DOCKERFILES];
pub(super) const IMPORTED: &str = "longshore/imported:";

/// All other repositories below this one contain base images.
const BASES: &str = "longshore/";

/// The store of images without a store's label.
const DEFAULT_STORE: &str = "default";

/// An image that clean-up may handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    /// Its kind.
    pub(crate) kind: Kind,
    /// Whether it has names not given by Longshore.
    pub(crate) named_by_others: bool,
}

/// Classifies an image of this store, or one marked for pruning; `None` for all others.
pub(crate) fn owned(image: &StoredImage, settings: &Settings) -> Option<Owned> {
    let label = |key: &str| image.labels.get(key).map(String::as_str);
    if label(labels::STORE).unwrap_or(DEFAULT_STORE) != settings.images.store {
        return None;
    }
    let named = |start: &str| image.names.iter().any(|name| name.starts_with(start));
    let made = match label(labels::IMAGE_TYPE) {
        Some(labels::GENERATED) => Some(Kind::Generated),
        Some(labels::LAYER) => Some(Kind::Layer),
        Some(labels::DOCKERFILE) => Some(Kind::Dockerfile),
        _ => None,
    };
    let kind = match made {
        // Without a name no run can find it, whoever made it.
        Some(kind) if image.names.is_empty() => Some(kind),
        Some(kind) if MADE.iter().any(|start| named(start)) => Some(kind),
        _ if named(IMPORTED) => Some(Kind::Imported),
        _ => None,
    };
    let named_by_others = !image.names.iter().all(|name| is_ours(name));
    match kind {
        // An imported image with another name existed here before, and is not Longshore's.
        Some(Kind::Imported) if named_by_others => return None,
        Some(kind) => return Some(Owned { kind, named_by_others }),
        None => {}
    }
    let marked = labels::RETENTION.iter().any(|key| label(key) == Some(labels::PRUNE));
    let base = |name: &String| name.starts_with(BASES) || is_configured(name, settings);
    (marked && !image.names.iter().any(base)).then_some(Owned { kind: Kind::Custom, named_by_others: false })
}

/// Whether a name is one that Longshore gives.
fn is_ours(name: &str) -> bool {
    MADE.iter().chain([&IMPORTED]).any(|start| name.starts_with(start))
}

fn is_configured(name: &str, settings: &Settings) -> bool {
    settings.base_images().into_iter().any(|base| base == name || name.strip_suffix(":latest") == Some(base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::image_id::ImageId;

    /// Names, labels, and the expected result.
    type Row<'a> = (&'a [&'a str], &'a [&'a str], Option<(Kind, bool)>);

    #[test]
    fn names_and_labels_together_tell_whose_an_image_is() {
        let mut settings = Settings::default();
        settings.python_image = "company/python".into();
        settings.images.store = "default".into();
        let (generated, layer) = ("longshore.image-type=generated", "longshore.image-type=layer");
        let (ours, theirs) = (Some((Kind::Generated, false)), Some((Kind::Generated, true)));
        let custom = Some((Kind::Custom, false));
        let (prune, visokio) =
            ("longshore.image-retention=prune-on-cleanup", "visokio-image-retention=prune-on-cleanup");
        let rows: &[Row] = &[
            (&["longshore/environment:a"], &[generated], ours),
            (&["longshore/environment:a"], &[generated, "longshore.store=default"], ours),
            (&["longshore/environment:a"], &[generated, "longshore.store=other"], None),
            (&["longshore/environment:a"], &[], None),
            (&["longshore/environment:a", "my/own:1"], &[generated], theirs),
            (&["longshore/layer:a"], &[layer], Some((Kind::Layer, false))),
            (&["longshore/dockerfile:a"], &["longshore.image-type=dockerfile"], Some((Kind::Dockerfile, false))),
            (&["my/own:1"], &["longshore.image-type=dockerfile"], None),
            (&[], &["longshore.image-type=dockerfile"], Some((Kind::Dockerfile, false))),
            (&["longshore/imported:a"], &[], Some((Kind::Imported, false))),
            (&["longshore/imported:a"], &[generated], Some((Kind::Imported, false))),
            (&["longshore/imported:a", "longshore/environment:a"], &[generated], ours),
            (&["longshore/imported:a", "longshore/base:0.1.0"], &["longshore.image-type=base"], None),
            (&["my/app:1"], &[generated], None),
            (&[], &[generated], ours),
            (&[], &[], None),
            (&[], &["longshore.image-type=base"], None),
            (&["longshore/python:0.1.0"], &["longshore.image-type=base"], None),
            (&["longshore/python:0.1.0"], &["longshore.image-type=base", prune], None),
            (&["company/python:latest"], &[prune], None),
            (&["my/app:1"], &[prune], custom),
            (&["my/app:1", "my/app:2"], &[visokio], custom),
            (&["my/app:1"], &["longshore.image-type=base", prune], custom),
            (&["my/app:1"], &[generated, prune], custom),
            (&["my/app:1"], &["longshore.image-retention=keep"], None),
            (&["my/app:1"], &[prune, "longshore.store=other"], None),
        ];
        for (names, labels, expected) in rows {
            let image = StoredImage {
                id: ImageId("sha256:1".into()),
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                labels: labels.iter().map(|label| label.split_once('=').unwrap()).map(pair).collect(),
                size: 1,
                ..StoredImage::default()
            };
            let found = owned(&image, &settings).map(|owned| (owned.kind, owned.named_by_others));
            assert_eq!(found, *expected, "{names:?} {labels:?}");
        }
    }

    fn pair((key, value): (&str, &str)) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }
}
