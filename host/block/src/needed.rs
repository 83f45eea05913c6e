//! What a block needs beyond its declarations: exact packages that a lock of another tool lists, and the files of the
//! block's folder that were looked at for its needs. Plain data; `needs` fills it in.

use serde::Serialize;

/// The exact packages of a lock of another tool, or of requirements with hashes. Nothing else is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pinned {
    /// The file that lists them, relative to the block's folder.
    pub file: String,
    /// The packages, in the order of the file.
    pub packages: Vec<PinnedPackage>,
}

/// An exact package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PinnedPackage {
    /// Its name.
    pub name: String,
    /// Its exact version; empty if only its address is known.
    pub version: String,
    /// Its address, if it is not from an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The condition under which it is installed, as in a requirement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Such as `sha256:…`, of each allowed file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<String>,
}

impl PinnedPackage {
    /// The requirement of exactly this Python package.
    #[must_use]
    pub fn requirement(&self) -> String {
        let exact = match &self.url {
            Some(url) => format!("{} @ {url}", self.name),
            None => format!("{}=={}", self.name, self.version),
        };
        self.marker.as_ref().map_or(exact.clone(), |marker| format!("{exact} ; {marker}"))
    }
}

/// A `Dockerfile` whose image is the base of the block's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dockerfile {
    /// Its name in the block's folder.
    pub file: String,
    /// The image that its last stage is built from.
    pub base: String,
    /// All images that it is built from.
    pub images: Vec<String>,
    /// The files of the folder that it copies.
    #[serde(skip)]
    pub(super) files: BuildFiles,
    /// The arguments that it declares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Its text.
    #[serde(skip)]
    pub(super) text: String,
    /// The last lines of its `FROM` instructions, from 1.
    #[serde(skip)]
    pub(super) stage_lines: Vec<usize>,
}

/// The files of a folder that a `Dockerfile` copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BuildFiles {
    /// Files, or folders with all that is in them.
    Named(Vec<String>),
    /// All, as far as it is known before the build.
    All,
}

impl Default for BuildFiles {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

/// A file of a block's folder that was looked at for its needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NeedsFile {
    /// Its name.
    pub file: String,
    /// Whether it counts.
    pub role: NeedsRole,
    /// What it gives, or why it does not count.
    pub about: String,
}

/// Whether a file counts for a block's needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedsRole {
    /// It counts.
    Used,
    /// It could count, and another file does.
    PassedOver,
    /// Files of its kind are not read.
    NotRead,
}
