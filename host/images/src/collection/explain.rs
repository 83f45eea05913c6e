//! Why an image exists, what uses it, and its position in the eviction order.

use super::origin::PackageOrigin;
use crate::pruning::decide::{Decision, Fate, Stays};
use crate::pruning::entry::{ImageEntry, Kind};
use crate::pruning::survey::Survey;
use longshore_model::human::{ago, count, size};
use longshore_model::shown::Shown;
use serde::Serialize;

/// All details of an image.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The image.
    pub entry: ImageEntry,
    /// The packages installed in it, and those that its block lists and its base has, with the reason for each.
    pub installed: Vec<PackageOrigin>,
    /// A note for the user: why not all reasons are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The image that it was built on, unless that is its base.
    pub built_on: Option<String>,
    /// Containers of it, running or not.
    pub containers: Vec<String>,
    /// Images built on it.
    pub images: Vec<String>,
    /// When it would be evicted.
    pub going: Going,
    /// Bytes of all images, without their bases.
    pub total: u64,
    /// The disk budget.
    pub budget: u64,
}

/// When an image would be evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Going {
    /// Not as long as this reason holds.
    Not(Stays),
    /// At the next clean-up.
    Next,
    /// When the images need more space.
    Later {
        /// Its position in the eviction order, from 1.
        place: usize,
        /// The number of images in the eviction order.
        of: usize,
        /// Bytes that are evicted before it.
        before: u64,
        /// Bytes of new images until it is evicted.
        room: u64,
    },
}

/// Determines when an entry would be evicted.
pub(crate) fn going(survey: &Survey, decision: &Decision, index: usize, budget: u64, low: u64) -> Going {
    let place = decision.order.iter().position(|other| *other == index);
    match (decision.fates[index], place) {
        (Fate::Goes, _) => Going::Next,
        (Fate::Stays(Stays::WithinBudget), Some(place)) => {
            let before = decision.order[..place].iter().map(|other| survey.entries[*other].added_bytes).sum::<u64>();
            // Clean-up starts beyond the budget, and reaches this image if those before it are not enough.
            let needed = budget.max(low.saturating_add(before)).saturating_add(1);
            let room = needed.saturating_sub(decision.total);
            Going::Later { place: place + 1, of: decision.order.len(), before, room }
        }
        (Fate::Stays(why), _) => Going::Not(why),
    }
}

impl Explanation {
    /// The text for users.
    #[must_use]
    pub fn text(&self) -> Shown {
        let entry = &self.entry;
        let mut text = Shown::line(entry.title());
        let mut line = |key: &str, value: &str| text.push(format!("  {key:<16} {value}"));
        line("what", self.what());
        line("hash", &entry.hash);
        entry.id.iter().for_each(|id| line("image", id));
        entry.names.iter().skip(1).for_each(|name| line("also called", name));
        line("base", entry.base.as_deref().unwrap_or("unknown"));
        self.built_on.iter().for_each(|below| line("built on", below));
        list(&mut line, "packages", &entry.packages);
        list(&mut line, "system packages", &entry.system_packages);
        entry.as_of.iter().for_each(|day| line("packages as of", day));
        list(&mut line, "constraints", &entry.constraints);
        let installed: Vec<String> = self.installed.iter().map(PackageOrigin::text).collect();
        list(&mut line, "installed", &installed);
        self.note.iter().for_each(|note| line("note", note));
        let made = entry.last_used.duration_since(entry.created).unwrap_or_default() + entry.unused_seconds;
        line("made", &ago(made));
        line("last used", &ago(entry.unused_seconds));
        line("size", &format!("{}, without its base", size(entry.added_bytes)));
        list(&mut line, "containers", &self.containers);
        list(&mut line, "images on it", &self.images);
        line("eviction", &self.when());
        text
    }

    fn what(&self) -> &'static str {
        match self.entry.kind {
            Kind::Generated => {
                "built for the blocks that need these packages; the next run rebuilds it if it was removed"
            }
            Kind::Dockerfile => "built from the `Dockerfile` of a block; the next run rebuilds it if it was removed",
            Kind::Layer => "shared base of other images",
            Kind::Imported => "imported from an archive; it cannot be rebuilt without it",
            Kind::Custom => "a custom image marked `prune-on-cleanup`",
            Kind::Folder => "packages for runs without a container; the next run rebuilds it if it was removed",
        }
    }

    fn when(&self) -> String {
        match self.going {
            Going::Not(why) => format!("not now: {}", why.reason()),
            Going::Next => "at the next clean-up".into(),
            Going::Later { place, of, before, room } => format!(
                "after {} more: {} of the {} budget are taken; position {place} of {} in the eviction order, after {}",
                size(room),
                size(self.total),
                size(self.budget),
                count(of as u64, "image"),
                size(before),
            ),
        }
    }
}

fn list(line: &mut impl FnMut(&str, &str), key: &str, values: &[String]) {
    for (index, value) in values.iter().enumerate() {
        line(if index == 0 { key } else { "" }, value);
    }
}
