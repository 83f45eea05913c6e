//! What one file gives for the needs of a block. Each parser makes one of these; `folder.rs` decides which files count.

use crate::needed::PinnedPackage;
use longshore_model::constraint::Constraint;
use longshore_model::human::count;
use longshore_model::r_requirement::RVersions;
use pep440_rs::VersionSpecifiers;

/// The most packages of one file: the largest locks of public projects have about 1,000.
pub(super) const PACKAGES_MAX: usize = 10_000;

/// The beginning of a value, for errors.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The result of reading a file.
#[derive(Debug)]
pub(super) enum Reading {
    /// It lists needs.
    Needs(Box<Parsed>),
    /// It lists none, with the reason.
    Nothing(String),
    /// It lists some in a form that is not read, with the reason.
    Unreadable(String),
}

impl From<Parsed> for Reading {
    fn from(parsed: Parsed) -> Self {
        Self::Needs(Box::new(parsed))
    }
}

/// The needs in a file.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Packages of the language.
    pub(super) dependencies: Vec<String>,
    /// The places of those of them that have one of their own: package, file and line.
    pub(super) places: Vec<(String, String, usize)>,
    /// Versions that packages must have if they are installed.
    pub(super) constraints: Vec<Constraint>,
    /// Exact packages, instead of what `dependencies` resolves to.
    pub(super) pinned: Option<Vec<PinnedPackage>>,
    /// Debian packages.
    pub(super) system_packages: Vec<String>,
    /// The versions of Python.
    pub(super) requires_python: Option<VersionSpecifiers>,
    /// The versions of R.
    pub(super) requires_r: Option<RVersions>,
    /// Notices that may change how the block runs.
    pub(super) warnings: Vec<String>,
    /// Notices that change nothing.
    pub(super) remarks: Vec<String>,
}

impl Parsed {
    /// What it gives, in a few words.
    pub(super) fn about(&self) -> String {
        let mut parts = Vec::new();
        match &self.pinned {
            Some(pinned) => parts.push(format!("exactly {}", count(pinned.len() as u64, "package"))),
            None if self.dependencies.is_empty() => {}
            None => parts.push(count(self.dependencies.len() as u64, "package")),
        }
        if !self.constraints.is_empty() {
            parts.push(count(self.constraints.len() as u64, "constraint"));
        }
        if !self.system_packages.is_empty() {
            parts.push(count(self.system_packages.len() as u64, "Debian package"));
        }
        parts.extend(self.requires_python.iter().map(|versions| format!("Python {versions}")));
        parts.extend(self.requires_r.iter().map(|version| format!("R {version}")));
        if parts.is_empty() { "no packages".into() } else { parts.join(", ") }
    }
}
