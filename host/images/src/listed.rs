//! What a block lists, and where: for explanations of its environment. The label of an image has the list of the block that
//! it was made for; other blocks with the same packages share the image.

use crate::fingerprint::Kind;
use longshore_block::{Block, Language};
use longshore_model::address::masked;

/// Most bytes of the label: 500 packages of 60 bytes each are 30 kB. The rest is left out.
const LABEL_MAX: usize = 64 << 10;

/// A package that a block lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedPackage {
    /// Of Python, R or Debian.
    pub(crate) kind: ListedKind,
    /// Its text, without passwords.
    pub(crate) text: String,
    /// The file that lists it.
    pub(crate) place: Option<String>,
}

/// The kind of a package that a block lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListedKind {
    /// From an index of Python packages.
    Python,
    /// For R.
    R,
    /// From Debian.
    Debian,
}

impl ListedKind {
    const ALL: [Self; 3] = [Self::Python, Self::R, Self::Debian];

    /// Its word in lists.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Python => "pip",
            Self::R => "r",
            Self::Debian => "deb",
        }
    }

    /// The kind with a word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The kind of such packages in fingerprints.
    pub(crate) fn in_fingerprints(self) -> Kind {
        match self {
            Self::Python => Kind::Pip,
            Self::R => Kind::RPackage,
            Self::Debian => Kind::Deb,
        }
    }

    /// The kind of the packages of a language.
    pub(crate) fn of(language: Language) -> Self {
        match language {
            Language::Python => Self::Python,
            Language::R => Self::R,
        }
    }
}

/// The packages that a block lists.
pub(crate) fn of_block(block: &Block) -> Vec<ListedPackage> {
    let origins = &block.origins;
    let lists = [
        (ListedKind::of(block.language), &block.dependencies, &origins.packages),
        (ListedKind::Debian, &block.system_packages, &origins.system_packages),
    ];
    let listed = |(kind, list, places): (ListedKind, &Vec<String>, &std::collections::BTreeMap<String, String>)| {
        let package = |text: &String| ListedPackage { kind, text: masked(text), place: places.get(text).cloned() };
        list.iter().map(package).collect::<Vec<_>>()
    };
    let mut all: Vec<ListedPackage> = Vec::new();
    for package in lists.into_iter().flat_map(listed) {
        if !all.contains(&package) {
            all.push(package);
        }
    }
    all
}

/// The text of the label.
pub(crate) fn label(packages: &[ListedPackage]) -> String {
    let mut label = String::new();
    for ListedPackage { kind, text, place } in packages {
        let place = place.as_deref().unwrap_or_default();
        let line = format!("{} {text}\t{place}\n", kind.word());
        // A script may have any name.
        let is_one_line = !text.chars().chain(place.chars()).any(char::is_control);
        if is_one_line && label.len() + line.len() <= LABEL_MAX {
            label.push_str(&line);
        }
    }
    label
}

/// The packages in a label. Lines of another form are left out: any image may have any label.
pub(crate) fn read(label: &str) -> Vec<ListedPackage> {
    let line = |line: &str| {
        let (word, rest) = line.split_once(' ')?;
        let kind = ListedKind::named(word)?;
        let (text, place) = rest.split_once('\t').unwrap_or((rest, ""));
        let place = (!place.is_empty()).then(|| place.to_owned());
        Some(ListedPackage { kind, text: text.to_owned(), place })
    };
    label.get(..LABEL_MAX).unwrap_or(label).lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(kind: ListedKind, text: &str, place: Option<&str>) -> ListedPackage {
        ListedPackage { kind, text: text.to_owned(), place: place.map(str::to_owned) }
    }

    #[test]
    fn a_label_is_read_as_it_was_written() {
        let packages = [
            package(ListedKind::Python, "six ; python_version > '3'", Some("`requirements.txt`, line 2")),
            package(ListedKind::R, "zoo", None),
            package(ListedKind::Debian, "tree", Some("`apt.txt`")),
        ];
        assert_eq!(read(&label(&packages)), packages);
        let odd = [package(ListedKind::Python, "six", Some("`a\nb.py`"))];
        assert_eq!(label(&odd), "");
        for other in ["", "pip", "conda x\ty", "\t", "é"] {
            assert_eq!(read(other), [], "{other}");
        }
    }

    #[test]
    fn a_label_has_an_end() {
        let packages = vec![package(ListedKind::Python, &"é".repeat(1000), Some("`x`")); 1000];
        let text = label(&packages);
        assert!(text.len() <= LABEL_MAX && read(&text).len() > 20);
        let _ = read(&"é".repeat(LABEL_MAX));
    }
}
