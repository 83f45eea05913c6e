//! The report of a clean-up, or of a dry run.

use super::decide::Stays;
use super::entry::{ImageEntry, Kind};
use longshore_model::human::{count, size};
use serde::Serialize;

/// The result of a clean-up.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// The disk budget in bytes: the high mark.
    pub budget: u64,
    /// The low mark in bytes.
    pub low: u64,
    /// Bytes of all before, without their bases.
    pub total_before: u64,
    /// Bytes freed.
    pub freed: u64,
    /// The removed images and folders, in this order.
    pub removed: Vec<ImageEntry>,
    /// Those that were to be removed, but are in use again.
    pub skipped: Vec<ImageEntry>,
    /// Caches of downloaded packages that were removed.
    pub caches: Vec<String>,
    /// Removals that failed.
    pub failed: Vec<PruneFailure>,
    /// Those that stay, and why.
    pub kept: Vec<Kept>,
    /// Whether another clean-up was running, so that this one did nothing.
    pub left_to_another: bool,
}

/// A removal that failed.
#[derive(Debug, Clone, Serialize)]
pub struct PruneFailure {
    /// The image, folder or volume.
    pub what: String,
    /// The reason.
    pub reason: String,
}

/// An entry that stays.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// The entry.
    pub entry: ImageEntry,
    /// The reason.
    pub why: Stays,
}

impl PruneReport {
    /// Bytes of all now.
    #[must_use]
    pub fn total_after(&self) -> u64 {
        self.total_before.saturating_sub(self.freed)
    }

    /// The result in one line, for users who watch a build; `None` if nothing changed.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        if let Some(failure) = self.failed.first() {
            let more = self.failed.len() - 1;
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            return Some(format!("cannot remove `{}`: {}{more}", failure.what, failure.reason));
        }
        let images = self.removed.iter().filter(|entry| entry.kind != Kind::Folder).count() as u64;
        let folders = self.removed.len() as u64 - images;
        let counted = |number: u64, noun: &str| (number > 0).then(|| count(number, noun));
        let what: Vec<String> = [counted(images, "image"), counted(folders, "folder")].into_iter().flatten().collect();
        (!what.is_empty())
            .then(|| format!("removed {}, least recently used first: {} freed", what.join(" and "), size(self.freed)))
    }
}

impl Stays {
    /// The reason, for users.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::InUse => "in use by a container",
            Self::Held => "in use by a build or a run",
            Self::Pinned => "pinned",
            Self::NamedByOthers => "has a name not given by Longshore",
            Self::CarriesOthers => "a custom image is built on it",
            Self::JustUsed => "made or used in the last ten minutes",
            Self::CarriesKept => "an image that stays is built on it",
            Self::NotRemoved => "could not be removed",
            Self::WithinBudget => "within the budget",
        }
    }
}
