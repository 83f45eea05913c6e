//! An image, or a folder that replaces an image if there are no containers.

use super::decide::Stays;
use crate::listed::ListedPackage;
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An image built for blocks.
    Generated,
    /// A shared base of other images.
    Layer,
    /// The image of a block's `Dockerfile`.
    Dockerfile,
    /// An image imported from an archive.
    Imported,
    /// A custom image that is marked for pruning.
    Custom,
    /// An environment of the `process` engine.
    Folder,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Layer => "layer",
            Self::Dockerfile => "dockerfile",
            Self::Imported => "imported",
            Self::Custom => "custom",
            Self::Folder => "folder",
        }
    }
}

/// An image or a folder.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ImageEntry {
    /// The environment's hash; the hash of the image's id if it has no environment.
    pub hash: String,
    /// Its kind.
    pub kind: Kind,
    /// The image's id; `null` for a folder.
    pub id: Option<String>,
    /// Its names, each with its tag.
    pub names: Vec<String>,
    /// Path of a folder; `null` for an image.
    pub path: Option<PathBuf>,
    /// The name of its base image.
    pub base: Option<String>,
    /// The id of the image that it is built on.
    pub parent: Option<String>,
    /// Requested packages of the language.
    pub packages: Vec<String>,
    /// Requested Debian packages.
    pub system_packages: Vec<String>,
    /// The day as of which they were chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// The constraints on their versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// The exact packages installed for them.
    #[serde(skip)]
    pub resolved: Vec<String>,
    /// Where the block that it was made for lists its packages.
    #[serde(skip)]
    pub(crate) listed: Vec<ListedPackage>,
    /// Bytes that it adds to its base.
    pub added_bytes: u64,
    /// When it was made, in seconds since 1970.
    #[serde(serialize_with = "epoch")]
    pub created: SystemTime,
    /// When it was last used, or made, in seconds since 1970.
    #[serde(serialize_with = "epoch")]
    pub last_used: SystemTime,
    /// Seconds since then.
    #[serde(serialize_with = "seconds")]
    pub unused_seconds: Duration,
    /// Whether a container uses it, running or not.
    pub in_use: bool,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Why it is never evicted; `null` if it may be.
    pub protection: Option<Stays>,
    /// Its name in the usage store.
    #[serde(skip)]
    pub(crate) key: String,
}

impl ImageEntry {
    /// The short form of the hash.
    #[must_use]
    pub fn short_hash(&self) -> &str {
        self.hash.get(..12).unwrap_or(&self.hash)
    }

    /// Its title: its name, else its path, else its hash.
    #[must_use]
    pub fn title(&self) -> String {
        let place = || self.path.as_ref().map(|path| path.display().to_string());
        self.names.first().cloned().or_else(place).unwrap_or_else(|| self.short_hash().to_owned())
    }

    /// Whether it is an image that has lost its name.
    pub(crate) fn is_nameless(&self) -> bool {
        self.path.is_none() && self.names.is_empty() && self.kind != Kind::Custom
    }

    /// Its id as the parent of others.
    pub(crate) fn identity(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("folder {}", self.hash))
    }
}

/// Seconds since 1970; 0 for earlier times.
pub(crate) fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn epoch<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(epoch_seconds(*time))
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
