//! What clean-up did, or would do.

use super::decide::Stays;
use super::entry::{ImageEntry, Kind};
use longshore_model::human::{count, size};
use serde::Serialize;

/// What clean-up did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PruneReport {
    /// The disk budget in bytes: the high mark.
    pub budget: u64,
    /// The low mark in bytes.
    pub low: u64,
    /// Bytes that all took before, by what each adds.
    pub total_before: u64,
    /// Bytes that are free now.
    pub freed: u64,
    /// What was removed, in this order.
    pub removed: Vec<ImageEntry>,
    /// What was to go and did not, since somebody came for it meanwhile.
    pub skipped: Vec<ImageEntry>,
    /// Caches of downloaded packages that were removed.
    pub caches: Vec<String>,
    /// What could not be removed.
    pub failed: Vec<PruneFailure>,
    /// What stays, and why.
    pub kept: Vec<Kept>,
    /// Whether another clean-up was at work, and this one left it to that.
    pub left_to_another: bool,
}

/// Something that could not be removed.
#[derive(Debug, Clone, Serialize)]
pub struct PruneFailure {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// Something that stays.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    /// What.
    pub entry: ImageEntry,
    /// Why.
    pub why: Stays,
}

impl PruneReport {
    /// Bytes that all take now.
    #[must_use]
    pub fn total_after(&self) -> u64 {
        self.total_before.saturating_sub(self.freed)
    }

    /// What happened in one line, for whoever watches a build; `None` where nothing did.
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
    /// Why, in words.
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
