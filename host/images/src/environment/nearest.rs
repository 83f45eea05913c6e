//! The nearest environment: one on the same base, with packages of the same sources, all of which are among those of the
//! environment to be built. Only the others are then installed. Environments qualify whose wheels were installed by uv
//! alone: no code of their packages has run while they were made.

use super::labelled::{is_complete, lines};
use super::{Layer, Lock, Plan};
use longshore_config::settings::PackageSettings;
use longshore_engine::StoredImage;
use longshore_model::image_id::ImageId;
use longshore_model::labels;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum environments below another: each adds two layers, and engines allow 127 with those of the base.
const DEPTH_MAX: usize = 8;

/// What an environment's wheels are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// The hash of base and sources.
    origin: String,
    /// For each requirement of exactly one package, the hash that identifies it.
    parts: BTreeMap<String, String>,
}

/// The nearest environment, and what it lacks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Nearest {
    pub(super) image: StoredImage,
    /// The environments below one that is built on it.
    pub(super) depth: usize,
    /// Requirements of exactly the missing packages.
    pub(super) missing: Vec<String>,
}

impl Content {
    /// The content of a layer whose build is about to make these changes to the image below. `None` if names and versions do not
    /// determine it, or if packages of the base are replaced.
    pub(super) fn of(
        plan: &Plan,
        index: usize,
        below: &ImageId,
        changes: &[String],
        lock: Option<&Lock>,
        settings: &PackageSettings,
    ) -> Option<Self> {
        let is_elsewhere = |layer: &Layer| layer.wanted.iter().any(|wanted| wanted.contains('@'));
        if changes.is_empty() || lock.is_none() && is_elsewhere(&plan.layers[index]) {
            return None;
        }
        let part = |change: &String| {
            let pin = change.strip_prefix("+ ")?;
            let files = lock.map_or(Some(String::new()), |lock| lock.exactly(pin))?;
            Some((pin.to_owned(), super::plan::digest([pin, &files])))
        };
        let parts = changes.iter().map(part).collect::<Option<_>>()?;
        Some(Self { origin: plan.origin(index, below, lock.is_some(), settings), parts })
    }

    /// Requirements of exactly these packages.
    pub(super) fn pins(&self) -> Vec<String> {
        self.parts.keys().cloned().collect()
    }

    /// The label by which environments with packages of the same sources are found.
    pub(super) fn label(&self) -> String {
        format!("{}={}", labels::ORIGIN, self.origin)
    }

    /// The labels of an image with this content.
    pub(super) fn labels(&self, depth: usize) -> [(String, String); 3] {
        let parts: Vec<&str> = self.parts.values().map(String::as_str).collect();
        let labels = [(labels::ORIGIN, self.origin.clone()), (labels::PARTS, parts.join("\n"))];
        let [origin, parts] = labels.map(|(key, value)| (key.to_owned(), value));
        [origin, parts, (labels::DEPTH.to_owned(), depth.to_string())]
    }

    /// The image that has most of it, and nothing else. It must have at least half: otherwise it saves little.
    pub(super) fn nearest(&self, images: Vec<StoredImage>, store: &str) -> Option<Nearest> {
        let parts: BTreeSet<&str> = self.parts.values().map(String::as_str).collect();
        let near = |image: StoredImage| {
            let depth = image.labels.get(labels::DEPTH)?.parse::<usize>().ok()?.checked_add(1)?;
            let had: BTreeSet<String> = lines(&image, labels::PARTS).into_iter().collect();
            let fits = had.iter().all(|part| parts.contains(part.as_str())) && had.len() * 2 >= parts.len();
            if !fits || had.is_empty() || depth > DEPTH_MAX || !is_complete(&image, store) {
                return None;
            }
            let missing = self.parts.iter().filter(|(_, part)| !had.contains(*part));
            Some(Nearest { depth, missing: missing.map(|(pin, _)| pin.clone()).collect(), image })
        };
        let near = images.into_iter().filter_map(near);
        near.min_by(|one, other| {
            let key = |near: &Nearest| (near.missing.len(), near.depth);
            key(one).cmp(&key(other)).then_with(|| one.image.id.0.cmp(&other.image.id.0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::image_name;
    use super::*;

    fn content(pins: &BTreeSet<String>) -> Content {
        let part = |pin: &String| (pin.clone(), super::super::plan::digest([pin.as_str(), ""]));
        Content { origin: "origin".into(), parts: pins.iter().map(part).collect() }
    }

    fn image(number: usize, pins: &BTreeSet<String>, depth: usize) -> StoredImage {
        let hash = format!("{number:032x}");
        let others = [(labels::ENVIRONMENT, hash.clone()), (labels::STORE, "mine".to_owned())];
        let others = others.map(|(key, value)| (key.to_owned(), value));
        StoredImage {
            id: ImageId(format!("sha256:{number:064x}")),
            names: vec![image_name(&hash)],
            labels: content(pins).labels(depth).into_iter().chain(others).collect(),
            ..StoredImage::default()
        }
    }

    /// A set of some of ten packages, for each number another one.
    fn pins(number: u64) -> BTreeSet<String> {
        let bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (0..10).filter(|bit| bits >> bit & 1 == 1).map(|bit| format!("{}==1", char::from(b'a' + bit))).collect()
    }

    #[test]
    fn the_nearest_and_what_it_lacks_are_the_whole() {
        let mut found = 0;
        for number in 0..2000 {
            let wanted = pins(number);
            // Parts of what is wanted are rare among random sets.
            let there: Vec<(BTreeSet<String>, usize)> = (0..12)
                .map(|other| (pins(number * 12 + other), usize::try_from(other).unwrap()))
                .map(|(had, depth)| (if depth % 2 == 0 { had } else { &had & &wanted }, depth))
                .collect();
            let images: Vec<_> =
                there.iter().enumerate().map(|(number, (pins, depth))| image(number, pins, *depth)).collect();
            let near = content(&wanted).nearest(images.clone(), "mine");
            let fits = |(had, depth): &&(BTreeSet<String>, usize)| {
                !had.is_empty() && had.is_subset(&wanted) && had.len() * 2 >= wanted.len() && *depth < DEPTH_MAX
            };
            let least = there.iter().filter(fits).map(|(had, _)| wanted.len() - had.len()).min();
            assert_eq!(near.as_ref().map(|near| near.missing.len()), least, "{number}");
            let Some(near) = near else { continue };
            let place = images.iter().position(|image| image.id == near.image.id).unwrap();
            let both: BTreeSet<String> = there[place].0.iter().chain(&near.missing).cloned().collect();
            assert_eq!((both, near.depth), (wanted, there[place].1 + 1), "{number}");
            found += 1;
        }
        assert!((200..1990).contains(&found), "{found}");
    }

    #[test]
    fn images_of_others_are_not_near() {
        let wanted = BTreeSet::from(["a==1".to_owned(), "b==1".to_owned()]);
        let near = |change: &dyn Fn(&mut StoredImage)| {
            let mut there = image(1, &BTreeSet::from(["a==1".to_owned()]), 0);
            change(&mut there);
            content(&wanted).nearest(vec![there], "mine")
        };
        assert_eq!(near(&|_| {}).unwrap().missing, ["b==1"]);
        for (label, value) in [
            (labels::STORE, "other"),
            (labels::ENVIRONMENT, "00"),
            (labels::EXPIRES, "1"),
            (labels::DEPTH, "8"),
            (labels::DEPTH, "18446744073709551615"),
            (labels::DEPTH, "-1"),
            (labels::PARTS, ""),
            (labels::PARTS, "00"),
        ] {
            let change = |image: &mut StoredImage| drop(image.labels.insert(label.into(), value.into()));
            assert_eq!(near(&change), None, "{label} {value}");
        }
        assert_eq!(near(&|image| image.names = vec!["longshore/environment:1".into()]), None);
        assert_eq!(near(&|image| image.names.clear()), None);
    }
}
