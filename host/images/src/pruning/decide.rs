//! Which images are evicted, and why the others stay: a pure function of the images. It uses no store, no files and no
//! clock.
//!
//! Images are built on each other. An image counts as used when it, or any image on it, was used last, so an image is
//! always evicted before the images below it. Pruning starts when all images together exceed the high mark, and evicts
//! images in that order until the low mark is reached. Custom images that are marked for pruning are in the same order.
//! Images without a name cannot be found any more, and are removed at every clean-up.

use serde::Serialize;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// How long an image stays after it was made or used. Otherwise an image larger than the budget would be evicted before
/// its first run, and every run would rebuild it; ten minutes is the time that a user needs between two attempts at a
/// block.
pub const GRACE: Duration = Duration::from_secs(10 * 60);

/// The properties of an image that decide its eviction.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Its id as the parent of other images.
    pub(crate) id: String,
    /// The image that it is built on, if any.
    pub(crate) parent: Option<String>,
    /// Bytes that it adds to its parent.
    pub(crate) added: u64,
    /// When it was last used, or made.
    pub(crate) last_used: SystemTime,
    /// Why it stays in any case, apart from other images.
    pub(crate) protection: Option<Stays>,
    /// Whether it has lost its name.
    pub(crate) nameless: bool,
}

/// The goal of pruning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// At most `low` bytes, if there are more than `high`.
    Marks {
        /// Where pruning starts.
        high: u64,
        /// Where it ends.
        low: u64,
    },
    /// Remove every evictable image, without a grace period.
    Nothing,
}

/// Why an image stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// A container uses it.
    InUse,
    /// A build or a starting run uses it.
    Held,
    /// It is pinned.
    Pinned,
    /// It has a name not given by Longshore.
    NamedByOthers,
    /// A custom image is built on it: removing it would free nothing.
    CarriesOthers,
    /// It was made or used within [`GRACE`].
    JustUsed,
    /// An image on it stays.
    CarriesKept,
    /// It was to be evicted, but could not be removed.
    NotRemoved,
    /// The images are within the budget.
    WithinBudget,
}

/// The decision about one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is evicted.
    Goes,
    /// It stays.
    Stays(Stays),
}

/// The decision about all images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// For each subject, in the same order.
    pub(crate) fates: Vec<Fate>,
    /// The evicted subjects, by index, in the order of their removal.
    pub(crate) victims: Vec<usize>,
    /// All evictable subjects, by index, in the order of eviction.
    pub(crate) order: Vec<usize>,
    /// Bytes of all subjects.
    pub(crate) total: u64,
}

/// Decides. Parents that are not among the subjects are ignored; circles of parents are harmless.
pub(crate) fn decide(subjects: &[Subject], goal: Goal, now: SystemTime) -> Decision {
    let forest = Forest::new(subjects);
    let blocked = forest.protections(subjects, goal, now);
    let used = forest.last_uses(subjects);
    let mut order: Vec<usize> = (0..subjects.len()).filter(|index| blocked[*index].is_none()).collect();
    // A child's last use is never later than its parent's, so depth only breaks ties.
    order.sort_by(|&one, &other| {
        let key = |index: usize| (used[index], std::cmp::Reverse(forest.depth(index)), &subjects[index].id);
        key(one).cmp(&key(other))
    });
    let total = subjects.iter().map(|subject| subject.added).sum();
    let mut left: u64 = total;
    let mut goes = vec![false; subjects.len()];
    let mut victims = Vec::new();
    let mut take = |index: usize, goes: &mut Vec<bool>, left: &mut u64| {
        goes[index] = true;
        *left -= subjects[index].added;
        victims.push(index);
    };
    for &index in &order {
        if subjects[index].nameless && forest.children[index].iter().all(|child| goes[*child]) {
            take(index, &mut goes, &mut left);
        }
    }
    let low = match goal {
        Goal::Marks { high, low } if left > high => Some(low),
        Goal::Marks { .. } => None,
        Goal::Nothing => Some(0),
    };
    for &index in order.iter().filter(|_| low.is_some()) {
        let enough = goal != Goal::Nothing && low.is_some_and(|low| left <= low);
        if !enough && !goes[index] {
            take(index, &mut goes, &mut left);
        }
    }
    let fate = |index: usize| match blocked[index] {
        Some(reason) => Fate::Stays(reason),
        None if goes[index] => Fate::Goes,
        None => Fate::Stays(Stays::WithinBudget),
    };
    Decision { fates: (0..subjects.len()).map(fate).collect(), victims, order, total }
}

/// When each was last used, itself or any image on it.
pub(crate) fn last_uses(subjects: &[Subject]) -> Vec<SystemTime> {
    Forest::new(subjects).last_uses(subjects)
}

/// The parents and children of all subjects.
struct Forest {
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl Forest {
    fn new(subjects: &[Subject]) -> Self {
        let places: HashMap<&str, usize> =
            subjects.iter().enumerate().map(|(index, subject)| (subject.id.as_str(), index)).collect();
        let place = |subject: &Subject| subject.parent.as_deref().and_then(|parent| places.get(parent).copied());
        let mut parents: Vec<Option<usize>> = subjects.iter().map(place).collect();
        // Labels are untrusted, and may claim that two images were built on each other.
        for index in 0..parents.len() {
            let (mut above, mut steps) = (parents[index], 0);
            while let Some(parent) = above.filter(|parent| *parent != index && steps <= subjects.len()) {
                (above, steps) = (parents[parent], steps + 1);
            }
            if above.is_some() {
                parents[index] = None;
            }
        }
        let mut children = vec![Vec::new(); subjects.len()];
        for (index, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(index);
            }
        }
        Self { parents, children }
    }

    fn ancestors(&self, index: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.parents[index], |parent| self.parents[*parent])
    }

    fn depth(&self, index: usize) -> usize {
        self.ancestors(index).count()
    }

    fn protections(&self, subjects: &[Subject], goal: Goal, now: SystemTime) -> Vec<Option<Stays>> {
        let fresh = |subject: &Subject| {
            // If the clock was set back, uses lie in the future: those are recent.
            let age = now.duration_since(subject.last_used).unwrap_or_default();
            (goal != Goal::Nothing && age < GRACE).then_some(Stays::JustUsed)
        };
        let own: Vec<_> = subjects.iter().map(|subject| subject.protection.or_else(|| fresh(subject))).collect();
        let mut all = own.clone();
        for index in (0..own.len()).filter(|index| own[*index].is_some()) {
            for ancestor in self.ancestors(index) {
                all[ancestor] = all[ancestor].or(Some(Stays::CarriesKept));
            }
        }
        all
    }

    fn last_uses(&self, subjects: &[Subject]) -> Vec<SystemTime> {
        let mut uses: Vec<SystemTime> = subjects.iter().map(|subject| subject.last_used).collect();
        for (index, subject) in subjects.iter().enumerate() {
            for ancestor in self.ancestors(index) {
                uses[ancestor] = uses[ancestor].max(subject.last_used);
            }
        }
        uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 20_000 * DAY
    }

    /// `name parent added days-since-use flag`, one in a line; `-` if there is none.
    fn subjects(text: &str) -> Vec<Subject> {
        let subject = |line: &str| {
            let mut words = line.split_whitespace();
            let mut word = || words.next().unwrap_or("-");
            let (id, parent, added, days, flag) = (word(), word(), word(), word(), word());
            Subject {
                id: id.into(),
                parent: (parent != "-").then(|| parent.into()),
                added: added.parse().unwrap(),
                last_used: now() + DAY - DAY.mul_f64(1.0 + days.parse::<f64>().unwrap()),
                protection: match flag {
                    "used" => Some(Stays::InUse),
                    "held" => Some(Stays::Held),
                    "pinned" => Some(Stays::Pinned),
                    "theirs" => Some(Stays::NamedByOthers),
                    "carries" => Some(Stays::CarriesOthers),
                    _ => None,
                },
                nameless: flag == "nameless",
            }
        };
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(subject).collect()
    }

    fn going(text: &str, goal: Goal) -> String {
        let subjects = subjects(text);
        let decision = decide(&subjects, goal, now());
        decision.victims.iter().map(|index| subjects[*index].id.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_goes_and_in_which_order() {
        let budget = |high, low| Goal::Marks { high, low };
        let rows: &[(&str, &str, Goal, &str)] = &[
            ("nothing there", "", budget(0, 0), ""),
            ("within the budget", "a - 10 9\nb - 10 8", budget(20, 5), ""),
            ("over it, down to the low mark", "a - 10 1\nb - 10 3\nc - 10 2", budget(29, 20), "b"),
            ("exactly at the low mark is enough", "a - 10 3\nb - 10 2\nc - 10 1", budget(29, 10), "a b"),
            ("one byte over the low mark is not", "a - 10 3\nb - 10 2\nc - 11 1", budget(29, 10), "a b c"),
            ("the same time: by id", "b - 10 2\na - 10 2", budget(5, 0), "a b"),
            ("a budget of nothing", "a - 10 3\nb - 0 2", budget(0, 0), "a"),
            ("images without size stay", "a - 0 3\nb - 0 2", budget(0, 0), ""),
            ("in use", "a - 10 3 used\nb - 10 2", budget(5, 0), "b"),
            ("held", "a - 10 3 held\nb - 10 2", budget(5, 0), "b"),
            ("pinned", "a - 10 3 pinned\nb - 10 2", budget(5, 0), "b"),
            ("named by others", "a - 10 3 theirs\nb - 10 2", budget(5, 0), "b"),
            ("under another's image", "a - 10 3 carries\nb - 10 2", budget(5, 0), "b"),
            ("just used", "a - 10 0.001\nb - 10 2", budget(5, 0), "b"),
            ("from the future", "a - 10 -0.5\nb - 10 2", budget(5, 0), "b"),
            ("grace has an end", "a - 10 0.007\nb - 10 2", budget(5, 0), "b a"),
            ("all protected", "a - 10 3 used\nb - 10 2 pinned", budget(5, 0), ""),
            ("a child before its parent", "l - 10 9\ng l 10 3\nx - 10 5", budget(25, 5), "x g l"),
            ("a parent is as fresh as its child", "l - 10 9\ng l 10 1\nx - 10 5", budget(25, 20), "x"),
            ("a parent alone is as old as it is", "l - 10 9\nx - 10 5", budget(15, 10), "l"),
            ("a parent stays under a kept child", "l - 10 9\ng l 10 8 pinned\nh l 10 7\nx - 1 1", budget(5, 0), "h x"),
            ("a chain of three goes from its top", "a - 1 3\nb a 1 3\nc b 1 3", budget(0, 0), "c b a"),
            ("a chain is cut where enough is free", "a - 1 3\nb a 1 3\nc b 1 3", budget(2, 1), "c b"),
            ("two children, then the parent", "l - 5 9\ng l 5 8\nh l 5 7", budget(5, 0), "g h l"),
            ("a used grandchild keeps the chain", "a - 1 9\nb a 1 9\nc b 1 9 used", budget(0, 0), ""),
            ("a parent of nobody here", "g gone 10 3\nx - 10 2", budget(15, 10), "g"),
            ("its own parent", "a a 10 3\nb - 10 2", budget(15, 10), "a"),
            ("each other's parents", "a b 10 3\nb a 10 2\nc - 10 1", budget(25, 10), "b a"),
            ("on top of a circle", "a b 1 3\nb a 1 2\nc a 1 1 used", budget(0, 0), "b"),
            ("nameless goes at any time", "a - 10 3 nameless\nb - 10 2", budget(100, 80), "a"),
            ("nameless counts before the marks", "a - 10 1 nameless\nb - 10 2", budget(15, 5), "a"),
            ("nameless, but just made", "a - 10 0.001 nameless", budget(100, 80), ""),
            ("nameless under a kept one", "a - 10 3 nameless\nb a 10 2", budget(100, 80), ""),
            ("nameless under nameless", "a - 10 3 nameless\nb a 10 2 nameless", budget(100, 80), "b a"),
            ("all that can go", "a - 0 3\nb - 10 0.001\nc - 10 1 pinned\nd - 10 1 used", Goal::Nothing, "a b"),
            ("all keeps what carries", "a - 10 3\nb a 10 1 pinned\nc a 10 1", Goal::Nothing, "c"),
        ];
        for (what, text, goal, expected) in rows {
            assert_eq!(going(text, *goal), *expected, "{what}");
        }
    }

    #[test]
    fn whoever_stays_has_its_own_reason_first() {
        let text = "a - 10 3 pinned\nb a 10 2 used\nc - 10 0.001\nd - 10 4\ne - 1 2\nf - 1 2\ng f 1 3 held";
        let decision = decide(&subjects(text), Goal::Marks { high: 20, low: 35 }, now());
        let stays = |reason| Fate::Stays(reason);
        let expected = [
            stays(Stays::Pinned),
            stays(Stays::InUse),
            stays(Stays::JustUsed),
            Fate::Goes,
            stays(Stays::WithinBudget),
            stays(Stays::CarriesKept),
            stays(Stays::Held),
        ];
        assert_eq!(decision.fates, expected);
        assert_eq!((decision.total, decision.order), (43, vec![3, 4]));
    }

    /// The properties of every decision.
    fn check(subjects: &[Subject], goal: Goal) {
        let decision = decide(subjects, goal, now());
        let goes = |index: usize| decision.victims.contains(&index);
        let mut left: u64 = subjects.iter().map(|subject| subject.added).sum();
        for (place, &victim) in decision.victims.iter().enumerate() {
            let subject = &subjects[victim];
            assert_eq!(subject.protection, None, "{subjects:?}");
            assert_eq!(decision.fates[victim], Fate::Goes);
            assert!(goal == Goal::Nothing || now().duration_since(subject.last_used).unwrap() >= GRACE);
            for (child, _) in
                subjects.iter().enumerate().filter(|(_, other)| other.parent.as_ref() == Some(&subject.id))
            {
                assert!(decision.victims[..place].contains(&child), "{child} is on {victim}: {subjects:?}");
            }
            left -= subject.added;
        }
        let removable = |index: usize| decision.fates[index] == Fate::Stays(Stays::WithinBudget);
        match goal {
            // The low mark is reached, or no removable image is left, or the high mark was not exceeded.
            Goal::Marks { high, low } => {
                let untouched = !decision.victims.iter().any(|victim| !subjects[*victim].nameless);
                assert!(left <= low || !(0..subjects.len()).any(removable) || untouched && left <= high);
                // No more than needed: without the last one the mark was not reached.
                if let Some(last) = decision.victims.last().filter(|last| !subjects[**last].nameless) {
                    assert!(left + subjects[*last].added > low, "{subjects:?}");
                }
            }
            Goal::Nothing => assert!(!(0..subjects.len()).any(removable)),
        }
        let fates = decision.fates.iter().enumerate();
        assert!(fates.clone().all(|(index, fate)| (*fate == Fate::Goes) == goes(index)));
    }

    #[test]
    fn every_small_forest_keeps_the_promises() {
        // 4 images: 24 forests, 3 states each, 3 orders of use, 4 goals.
        let goals = [
            Goal::Nothing,
            Goal::Marks { high: 0, low: 0 },
            Goal::Marks { high: 9, low: 4 },
            Goal::Marks { high: 100, low: 80 },
        ];
        for forest in 0..24 {
            for states in 0..3_u32.pow(4) {
                for shuffle in [1, 3, 7] {
                    let parents: [u32; 4] = [0, forest % 2, forest / 2 % 3, forest / 6 % 4];
                    let subject = |index: u32| Subject {
                        id: index.to_string(),
                        // 0 is none, other numbers are the images before.
                        parent: parents[index as usize].checked_sub(1).map(|parent| parent.to_string()),
                        added: u64::from(index) + 1,
                        last_used: now() - DAY * ((index + 1) * shuffle % 5),
                        protection: (states / 3_u32.pow(index) % 3 == 1).then_some(Stays::Pinned),
                        nameless: states / 3_u32.pow(index) % 3 == 2,
                    };
                    let subjects: Vec<Subject> = (0..4).map(subject).collect();
                    goals.iter().for_each(|goal| check(&subjects, *goal));
                }
            }
        }
    }

    #[test]
    fn large_forests_keep_the_promises_too() {
        let mut state = 20_260_101_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let subjects: Vec<Subject> = (0..random(60))
                .map(|index| Subject {
                    id: index.to_string(),
                    parent: (index > 0 && random(2) == 0).then(|| random(index).to_string()),
                    added: random(1000),
                    last_used: now() - Duration::from_secs(random(2000) * 60 / (1 + random(9))),
                    protection: match random(12) {
                        0 => Some(Stays::Pinned),
                        1 => Some(Stays::InUse),
                        2 => Some(Stays::Held),
                        _ => None,
                    },
                    nameless: random(10) == 0,
                })
                .collect();
            let high = random(30_000);
            check(&subjects, Goal::Marks { high, low: high * random(101) / 100 });
            check(&subjects, Goal::Nothing);
        }
    }
}
