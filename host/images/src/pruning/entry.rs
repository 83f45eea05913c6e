//! What is known of one image, or of one folder that stands for an image where there are no containers.

use super::decide::Stays;
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An image that was made for blocks.
    Generated,
    /// An image that others are made on top of.
    Layer,
    /// An image out of an archive.
    Imported,
    /// An image of somebody's own that is marked for pruning.
    Custom,
    /// An environment of the `process` engine.
    Folder,
}

impl Kind {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Layer => "layer",
            Self::Imported => "imported",
            Self::Custom => "custom",
            Self::Folder => "folder",
        }
    }
}

/// An image or a folder.
#[derive(Debug, Clone, Serialize)]
pub struct ImageEntry {
    /// The environment's hash; the hash of the image's id where it has no environment.
    pub hash: String,
    /// What it is.
    pub kind: Kind,
    /// The image's id; `null` for a folder.
    pub id: Option<String>,
    /// Its names, each with its tag.
    pub names: Vec<String>,
    /// Where a folder is; `null` for an image.
    pub path: Option<PathBuf>,
    /// The name of its base image.
    pub base: Option<String>,
    /// The id of the image that it was made on top of.
    pub parent: Option<String>,
    /// Packages of the language that were asked for.
    pub packages: Vec<String>,
    /// Debian packages that were asked for.
    pub system_packages: Vec<String>,
    /// What was installed for them, exactly.
    #[serde(skip)]
    pub resolved: Vec<String>,
    /// Bytes that it adds to what it was made on.
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
    /// Whether a container is made of it, running or not.
    pub in_use: bool,
    /// Whether somebody pinned it.
    pub pinned: bool,
    /// Why it stays whatever space it takes; `null` where it goes when space is needed.
    pub protection: Option<Stays>,
    /// The name by which the ledger knows it.
    #[serde(skip)]
    pub(crate) key: String,
}

impl ImageEntry {
    /// The hash as people write it.
    #[must_use]
    pub fn short_hash(&self) -> &str {
        self.hash.get(..12).unwrap_or(&self.hash)
    }

    /// What people call it: its name, else its place, else its hash.
    #[must_use]
    pub fn title(&self) -> String {
        let place = || self.path.as_ref().map(|path| path.display().to_string());
        self.names.first().cloned().or_else(place).unwrap_or_else(|| self.short_hash().to_owned())
    }

    /// Whether it is an image that has lost its name.
    pub(crate) fn is_nameless(&self) -> bool {
        self.path.is_none() && self.names.is_empty() && self.kind != Kind::Custom
    }

    /// What others call it as their parent.
    pub(crate) fn identity(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("folder {}", self.hash))
    }
}

/// Seconds since 1970; 0 for what is older.
pub(crate) fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn epoch<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(epoch_seconds(*time))
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
