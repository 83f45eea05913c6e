//! Differences of two fingerprints: changed lines, and lines that only one of them has.

use super::line::{Kind, Line};
use super::lines::Fingerprint;
use serde::Serialize;
use std::collections::BTreeMap;

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// Its kind, as in lines: `pip`, `deb`, `python` and so on.
    pub kind: &'static str,
    /// A package's name; `null` for other kinds.
    pub name: Option<String>,
    /// A system package's architecture; `null` for other kinds.
    pub architecture: Option<String>,
    /// Its version in the first; `null` if only the second has it. Several are separated by commas.
    pub first: Option<String>,
    /// Its version in the second; `null` if only the first has it.
    pub second: Option<String>,
}

type Key<'a> = (Kind, &'a str, &'a str);

/// All differences, by kind and name.
#[must_use]
pub fn differences(first: &Fingerprint, second: &Fingerprint) -> Vec<Difference> {
    let (first, second) = (versions(first), versions(second));
    let keys: std::collections::BTreeSet<&Key<'_>> = first.keys().chain(second.keys()).collect();
    let differing = keys.into_iter().filter(|key| first.get(*key) != second.get(*key));
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let differing = differing.map(|key| Difference {
        kind: key.0.word(),
        name: text(key.1),
        architecture: text(key.2),
        first: first.get(key).map(|versions| versions.join(", ")),
        second: second.get(key).map(|versions| versions.join(", ")),
    });
    differing.collect()
}

/// Versions by kind, name and architecture. Kernels and rpm keys have several versions.
fn versions(fingerprint: &Fingerprint) -> BTreeMap<Key<'_>, Vec<&str>> {
    let mut versions: BTreeMap<Key<'_>, Vec<&str>> = BTreeMap::new();
    for Line { kind, name, architecture, version } in fingerprint.lines() {
        versions.entry((*kind, name, architecture)).or_default().push(version);
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let fingerprint = |lines: &[&str]| Fingerprint::new(lines.iter().map(|line| line.parse().unwrap()));
        let first = fingerprint(&[
            "architecture amd64",
            "os debian 12.9",
            "python 3.11.2",
            "deb libc6 2.36 amd64",
            "deb libc6 2.36 i386",
            "deb zlib1g 1 amd64",
            "pip numpy 2.0",
            "pip scikit-learn 1.5.0",
            "rpm gpg-pubkey 1 (none)",
            "rpm gpg-pubkey 2 (none)",
        ]);
        let second = fingerprint(&[
            "architecture amd64",
            "os debian 12.9",
            "r 4.2.2",
            "deb libc6 2.36 amd64",
            "deb libc6 2.37 i386",
            "pip numpy 2.0",
            "pip scikit-learn 1.7.2",
            "rpm gpg-pubkey 2 (none)",
        ]);
        let told: Vec<String> = differences(&first, &second)
            .into_iter()
            .map(|it| {
                let text = |text: Option<String>| text.unwrap_or_else(|| "-".into());
                [it.kind.into(), text(it.name), text(it.architecture), text(it.first), text(it.second)].join(" ")
            })
            .collect();
        assert_eq!(
            told,
            [
                "python - - 3.11.2 -",
                "r - - - 4.2.2",
                "pip scikit-learn - 1.5.0 1.7.2",
                "deb libc6 i386 2.36 2.37",
                "deb zlib1g amd64 1 -",
                "rpm gpg-pubkey (none) 1, 2 2",
            ]
        );
        assert_eq!(differences(&first, &first), []);
    }
}
