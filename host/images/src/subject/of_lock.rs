//! Locks as fingerprints: the packages that a lock lists, in lines. A lock knows neither the base nor the architecture of
//! single packages, so that other fingerprints are compared with it by the packages that it lists.

use super::TakenFingerprint;
use crate::environment::Lock;
use crate::fingerprint::{Fingerprint, Kind, Line};
use longshore_model::package_name::normal_name;
use std::collections::BTreeSet;

/// A lock as a fingerprint.
pub(super) fn taken(lock: &Lock, subject: &str) -> TakenFingerprint {
    let mut lines = vec![Line::single(Kind::Architecture, &lock.architecture)];
    for (kind, packages) in [(Kind::Pip, &lock.python), (Kind::RPackage, &lock.r), (Kind::Deb, &lock.debian)] {
        lines.extend(packages.iter().map(|package| Line::package(kind, &name(kind, &package.name), &package.version)));
    }
    TakenFingerprint { subject: subject.to_owned(), image: None, fingerprint: Fingerprint::new(lines), is_lock: true }
}

/// What a fingerprint has of the packages of a lock.
pub(super) fn comparable(fingerprint: &Fingerprint, lock: &Fingerprint) -> Fingerprint {
    let known: BTreeSet<(Kind, &str)> = lock.lines().iter().map(|line| (line.kind(), line.name())).collect();
    let line = |line: &Line| Line::package(line.kind(), &name(line.kind(), line.name()), line.version());
    let lines = fingerprint.lines().iter().map(line);
    Fingerprint::new(lines.filter(|line| known.contains(&(line.kind(), line.name()))))
}

/// The name of a package as locks have it.
fn name(kind: Kind, name: &str) -> String {
    if kind == Kind::Pip { normal_name(name) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_compared_by_what_a_lock_lists() {
        let lock: Lock = toml::from_str(
            "version = 1\nbase = \"b\"\narchitecture = \"amd64\"\ndependencies = []\nsystem_packages = []\n\
             [[python]]\nname = \"pillow\"\nversion = \"11.0\"\n[[python]]\nname = \"six\"\nversion = \"1.17\"\n\
             [[debian]]\nname = \"tree\"\nversion = \"2.1\"\n",
        )
        .unwrap();
        let lines = ["architecture amd64", "python 3.11.2", "pip Pillow 11.1", "pip pandas 3.1", "deb tree 2.1 amd64"];
        let image = TakenFingerprint {
            subject: "image".into(),
            image: None,
            fingerprint: Fingerprint::new(lines.map(|line| line.parse().unwrap())),
            is_lock: false,
        };
        let lock = taken(&lock, "longshore.lock");
        let found = lock.differences(&image);
        let shown: Vec<_> =
            found.iter().map(|one| (one.name.as_deref(), one.first.as_deref(), one.second.as_deref())).collect();
        assert_eq!(shown, [(Some("pillow"), Some("11.0"), Some("11.1")), (Some("six"), Some("1.17"), None)]);
        assert_eq!(image.differences(&lock).len(), 2);
        assert_eq!(lock.differences(&lock), []);
    }
}
