//! Packages of the base that do not work with those that are about to be installed: they are resolved again, together with
//! these, until all work; or the build ends before anything is installed. Packages of the base that nothing asks to change
//! stay as they are.

use super::builder::Builder;
use super::present::{Broken, Change, PythonPackages, may_break};
use super::steps::{self, Finish};
use super::{EnvironmentError, Layer, LayerKind, Lock, Plan, packages};
use crate::environment::job::Job;
use longshore_block::{Language, package_name};
use longshore_engine::BuildContainer;
use longshore_model::address::masked;
use longshore_model::event::Event;
use longshore_model::image_id::ImageId;
use std::collections::{BTreeMap, BTreeSet};

/// How often more packages are resolved together: each time brings at least one, and those that depend on one another are a
/// few.
pub(super) const ROUNDS_MAX: usize = 20;

/// The start of a resolver's message, if there are no versions that fit together.
const UNSOLVABLE: &str = "No solution found";

/// The packages of a base that must change for a list, as they become known.
#[derive(Debug, Default)]
pub(super) struct Together {
    broken: BTreeMap<String, Broken>,
    /// The requirements that were resolved besides.
    asked: BTreeSet<String>,
}

/// What to do about the packages that a resolver has chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// All packages work with them.
    Install,
    /// Resolve them again, with these requirements besides those before.
    Resolve(Vec<String>),
    /// There are no versions that fit.
    Refuse,
}

impl Together {
    /// Decides, for the changes that a resolver proposes. `is_fixed` is whether exactly these are to be installed.
    pub(super) fn next(&mut self, there: &PythonPackages, changes: &[Change], is_dated: bool, is_fixed: bool) -> Next {
        let mut broken = there.broken_by(changes);
        broken.retain(|broken| !is_dated || !broken.is_sdk());
        if broken.is_empty() {
            return Next::Install;
        }
        let mut more: Vec<String> = broken.iter().map(|broken| broken.ask.clone()).collect();
        more.retain(|ask| self.asked.insert(ask.clone()));
        self.broken.extend(broken.into_iter().map(|broken| (broken.package.clone(), broken)));
        if is_fixed || more.is_empty() { Next::Refuse } else { Next::Resolve(more) }
    }

    /// Why the list cannot be installed on a base.
    pub(super) fn reason(&self, wanted: &[String], base: &str) -> String {
        let mut by_needed: BTreeMap<(&str, &str), Vec<&Broken>> = BTreeMap::new();
        // Those that must stay are the reason, whatever else there is.
        let stays = self.broken.values().any(|broken| broken.stays);
        for broken in self.broken.values().filter(|broken| broken.stays == stays) {
            by_needed.entry((&broken.needed, &broken.instead)).or_default().push(broken);
        }
        let reasons = by_needed.into_iter().map(|((needed, instead), broken)| {
            let listed = wanted.iter().find(|text| package_name(text).as_deref() == Some(needed) && *text != needed);
            let subject = match listed {
                Some(text) => format!("`{}`", masked(text)),
                None => format!("`{needed}` {instead}, which they need,"),
            };
            let needs: Vec<String> = broken.iter().map(ToString::to_string).collect();
            format!("{subject} does not work with {base}, in which {}", needs.join(" and "))
        });
        reasons.collect::<Vec<_>>().join("; ")
    }

    /// The packages that replace those of a base, for the user.
    pub(super) fn note(&self, changes: &[Change], base: &str) -> Option<String> {
        let replaced: Vec<String> = changes
            .iter()
            .filter_map(|change| {
                let before = self.broken.get(&change.name)?;
                Some(format!(
                    "`{}` {} instead of {}, which needs {}",
                    change.name,
                    change.version,
                    before.version,
                    before.need()
                ))
            })
            .collect();
        (!replaced.is_empty())
            .then(|| format!("the environment has other versions than {base}: {}", replaced.join(", ")))
    }
}

/// The changes that uv proposes.
pub(super) fn added(changes: &[String]) -> Vec<Change> {
    changes.iter().filter_map(|change| Change::of(change.strip_prefix("+ ")?)).collect()
}

/// Whether a resolver says that there are no versions that fit together.
pub(super) fn is_unsolvable<'a>(printed: impl IntoIterator<Item = &'a String>) -> bool {
    printed.into_iter().any(|line| line.contains(UNSOLVABLE))
}

impl Builder<'_> {
    /// Has a job that was prepared also resolve the packages of the image that would no longer work.
    pub(super) async fn together(
        &self,
        plan: &Plan,
        layer: &Layer,
        below: &ImageId,
        (mut job, mut finish): (Job, Finish),
        containers: &mut [Box<dyn BuildContainer>],
    ) -> Result<(Job, Finish), EnvironmentError> {
        if layer.kind != LayerKind::Packages(Language::Python) || !may_break(&finish.changes) {
            return Ok((job, finish));
        }
        let Some(there) = PythonPackages::of_image(self.store, below, &self.settings.state_folder).await else {
            return Ok((job, finish));
        };
        let is_dated = self.settings.packages.as_of.is_some() || self.lock.is_some_and(|lock| lock.as_of.is_some());
        let (base, mut together) = (format!("the image `{}`", plan.base_name), Together::default());
        let refuse = |together: &Together| EnvironmentError::Conflict {
            packages: self.subject(layer),
            reason: together.reason(&layer.wanted, &base),
            own_lock: self.lock.is_some_and(|lock| lock.foreign.is_none()),
        };
        for _ in 0..ROUNDS_MAX {
            let changes = added(&finish.changes);
            match together.next(&there, &changes, is_dated, self.lock.is_some()) {
                Next::Install => {
                    if let Some(note) = together.note(&changes, &base) {
                        self.tell(Event::Note(note.into()));
                    }
                    return Ok((job, finish));
                }
                Next::Refuse => return Err(refuse(&together)),
                Next::Resolve(names) => job = packages::together(&job, &names),
            }
            let script = job.prepare.clone().unwrap_or_default();
            finish = self.run_in_last(containers, &Job { script, fetch: None, ..job.clone() }).await?;
            if finish.status != 0 {
                return if is_unsolvable(&finish.tail) { Err(refuse(&together)) } else { Ok((job, finish)) };
            }
        }
        Err(refuse(&together))
    }

    /// The requirements that the SDK must not change, where it is installed on packages of a block.
    pub(super) async fn listed_below(&self, plan: &Plan, index: usize, below: &ImageId) -> Vec<String> {
        if plan.layers[index].kind != LayerKind::Api(Language::Python) {
            return Vec::new();
        }
        let python = |layer: &&Layer| layer.kind == LayerKind::Packages(Language::Python);
        let mut listed: Vec<String> = match (plan.layers[..index].iter().find(python), self.lock) {
            (Some(_), Some(lock)) => lock.exact_versions().lines().map(str::to_owned).collect(),
            (Some(layer), None) => layer.wanted.clone(),
            (None, _) => Vec::new(),
        };
        if let Some(there) = PythonPackages::of_image(self.store, below, &self.settings.state_folder).await {
            listed.extend(there.avoided().map(str::to_owned));
        }
        listed
    }

    /// The packages of a layer, in an error.
    fn subject(&self, layer: &Layer) -> String {
        match self.lock {
            Some(Lock { foreign: Some(file), .. }) => format!("the packages of `{file}`"),
            Some(_) => "the packages of the block's lock".into(),
            None => format!("the Python packages {}", steps::listed(layer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> PythonPackages {
        PythonPackages::of(&[
            ("longshore", "0.1.0", &["numpy", "pandas>=2.2", "pyarrow>=16"]),
            ("numpy", "2.4.6", &[]),
            ("pandas", "3.1.1", &["numpy>=2.0.2"]),
            ("pyarrow", "26.0.1", &[]),
            ("dask", "1", &["pandas>=3"]),
        ])
    }

    fn changes(pins: &[&str]) -> Vec<Change> {
        added(&pins.iter().map(|pin| format!("+ {pin}")).collect::<Vec<_>>())
    }

    #[test]
    fn packages_are_added_until_all_work() {
        let mut together = Together::default();
        let mut next = |pins: &[&str]| together.next(&there(), &changes(pins), false, false);
        assert_eq!(next(&["numpy==1.26.4"]), Next::Resolve(vec!["pandas".into(), "pyarrow<26".into()]));
        assert_eq!(next(&["numpy==1.26.4", "pandas==2.3", "pyarrow==25"]), Next::Resolve(vec!["dask".into()]));
        let last = changes(&["dask==0.9", "numpy==1.26.4", "pandas==2.3", "pyarrow==25"]);
        assert_eq!(together.next(&there(), &last, false, false), Next::Install);
        assert_eq!(
            together.note(&last, "the image `x`").unwrap(),
            "the environment has other versions than the image `x`: `dask` 0.9 instead of 1, which needs `pandas>=3`, \
             `pandas` 2.3 instead of 3.1.1, which needs `numpy>=2.0.2`, `pyarrow` 25 instead of 26.0.1, which needs `numpy>=2`"
        );
        assert_eq!(
            together.reason(&["numpy==1.26.4".into()], "the image `x`"),
            "`numpy==1.26.4` does not work with the image `x`, in which `pandas` 3.1.1 needs `numpy>=2.0.2` and \
             `pyarrow` 26.0.1 needs `numpy>=2`; `pandas` 2.3, which they need, does not work with the image `x`, in which `dask` 1 needs `pandas>=3`"
        );
    }

    #[test]
    fn what_cannot_change_is_refused() {
        let next = |pins: &[&str], is_dated, is_fixed| {
            let mut together = Together::default();
            let next = together.next(&there(), &changes(pins), is_dated, is_fixed);
            (next, together.reason(&[], "the image `x`"))
        };
        let reason = "`pyarrow` 14.0, which they need, does not work with the image `x`, in which `longshore` 0.1.0 needs \
             `pyarrow>=16`";
        assert_eq!(next(&["pyarrow==14.0"], false, false), (Next::Resolve(vec!["pyarrow>=16".into()]), reason.into()));
        assert_eq!(next(&["pyarrow==14.0"], true, false).0, Next::Install);
        assert_eq!(next(&["numpy==1.26.4"], false, true).0, Next::Refuse);
        // A resolver that does not do what it was asked to.
        let mut together = Together::default();
        let more = vec!["pandas".into(), "pyarrow<26".into()];
        assert_eq!(together.next(&there(), &changes(&["numpy==1"]), false, false), Next::Resolve(more));
        assert_eq!(together.next(&there(), &changes(&["numpy==1"]), false, false), Next::Refuse);
    }

    /// Pseudo-random numbers below a limit.
    fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
        move |limit| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % limit
        }
    }

    /// For each of four packages, of which each has versions 1 to 3: the versions of the others that each version needs.
    type Needs = [[Vec<(usize, usize, usize)>; 3]; 4];

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    /// All choices of versions, those with more versions of the base first.
    fn choices() -> Vec<[usize; 4]> {
        let mut all: Vec<[usize; 4]> =
            (0..81_usize).map(|at| [at / 27 % 3 + 1, at / 9 % 3 + 1, at / 3 % 3 + 1, at % 3 + 1]).collect();
        all.sort_by_key(|choice| choice.iter().filter(|version| **version != 2).count());
        all
    }

    fn meets(choice: &[usize; 4], ranges: &[(usize, usize, usize)]) -> bool {
        ranges.iter().all(|(package, low, high)| (*low..=*high).contains(&choice[*package]))
    }

    /// What a resolver proposes for requirements: it looks at the named packages, and at those that these need.
    fn resolved(needs: &Needs, list: &[(usize, usize, usize)]) -> Option<Vec<Change>> {
        choices().into_iter().find_map(|choice| {
            let mut seen: BTreeSet<usize> = list.iter().map(|(package, ..)| *package).collect();
            loop {
                let needed = seen.iter().flat_map(|&package| &needs[package][choice[package] - 1]);
                let more: Vec<usize> = needed.map(|need| need.0).filter(|other| !seen.contains(other)).collect();
                if more.is_empty() {
                    break;
                }
                seen.extend(more);
            }
            let works = seen.iter().all(|&package| meets(&choice, &needs[package][choice[package] - 1]));
            let replaced = seen.iter().filter(|package| choice[**package] != 2);
            (works && meets(&choice, list)).then(|| {
                replaced
                    .map(|&package| Change { name: NAMES[package].into(), version: choice[package].to_string() })
                    .collect()
            })
        })
    }

    #[test]
    fn all_packages_work_in_the_end_or_no_versions_do() {
        let mut number = numbers(7);
        let (mut refused, mut more_than_listed) = (0, 0);
        for _ in 0..2000 {
            let mut needs = Needs::default();
            for (package, versions) in needs.iter_mut().enumerate() {
                for (version, ranges) in (1..).zip(versions) {
                    for other in (0..4).filter(|other| *other != package) {
                        if number(3) == 0 {
                            // The versions of the base work together.
                            let low = version - number(2).min(version - 1);
                            ranges.push((other, low, version + number(2)));
                        }
                    }
                }
            }
            let text = |need: &(usize, usize, usize)| format!("{}>={},<={}", NAMES[need.0], need.1, need.2);
            let mut there = PythonPackages::of(&[]);
            for (name, versions) in NAMES.into_iter().zip(&needs) {
                let texts: Vec<String> = versions[1].iter().map(text).collect();
                there.add(name, "2", &texts.iter().map(String::as_str).collect::<Vec<_>>());
            }
            let mut pin = || (number(4), 1 + number(3));
            let mut list: Vec<_> = [pin(), pin()].map(|(package, version)| (package, version, version)).into();
            let listed = list.len();
            let mut together = Together::default();
            let found = loop {
                let Some(changes) = resolved(&needs, &list) else { break None };
                match together.next(&there, &changes, false, false) {
                    Next::Install => break Some(changes),
                    Next::Refuse => panic!("{needs:?} {list:?} {changes:?}"),
                    Next::Resolve(names) => {
                        list.extend(
                            names.iter().map(|name| (NAMES.iter().position(|known| known == name).unwrap(), 1, 3)),
                        );
                    }
                }
            };
            let is_right = |choice: &[usize; 4]| {
                meets(choice, &list) && (0..4).all(|package| meets(choice, &needs[package][choice[package] - 1]))
            };
            match found {
                None => {
                    assert!(!choices().iter().any(is_right), "{needs:?} {list:?}");
                    refused += 1;
                }
                Some(changes) => {
                    let mut choice = [2; 4];
                    for change in &changes {
                        let package = NAMES.iter().position(|known| *known == change.name).unwrap();
                        choice[package] = change.version.parse().unwrap();
                    }
                    assert!(is_right(&choice), "{needs:?} {list:?} {choice:?}");
                    more_than_listed += usize::from(list.len() > listed);
                }
            }
        }
        assert!(refused > 20 && more_than_listed > 100, "{refused} {more_than_listed}");
    }
}
