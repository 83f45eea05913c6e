//! Clean-up: removes the images that `decide` selects, one after the other. Before an image is removed, this locks it
//! in the usage store and inspects it again: it may have been used, pinned or rebuilt since. A failure on one image
//! does not prevent the removal of others. Builds call this at their end, users at any time.
//!
//! The engine itself protects a container that starts at the last moment: it never removes the last name of an image
//! that a container uses.

use super::decide::{Fate, Goal, Stays, decide};
use super::entry::ImageEntry;
use super::error::PruneError;
use super::report::{Kept, PruneFailure, PruneReport};
use super::survey::Survey;
use super::{caches, folders};
use crate::usage_store::{LockGuard, UsageStore};
use longshore_config::settings::Settings;
use longshore_engine::task::blocking;
use longshore_engine::{ImageStore, StoreError};
use longshore_model::causes::chain;
use longshore_model::image_id::ImageId;
use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

/// Name of the lock of clean-up itself: two at once would both continue with the next image when one is locked by the
/// other, and remove more than needed.
const TURN: &str = "prune";

/// Attempts to remove an image in which interpreters may wait.
const ATTEMPTS: u32 = 5;

/// How long the usage store keeps records of missing images. Another engine of this user may have them; uses of a month
/// ago no longer matter.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why clean-up runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A build has ended. If another clean-up is running, that one is enough.
    AfterBuild,
    /// A user requested it.
    OnDemand,
    /// A user requested the removal of all images that are not in use or pinned, regardless of the budget.
    Everything,
}

/// Removes images according to `how`.
pub(crate) async fn prune(
    store: Option<&dyn ImageStore>,
    ledger: &UsageStore,
    settings: &Settings,
    how: How,
) -> Result<PruneReport, PruneError> {
    let failed = |source| PruneError::UsageStore { path: settings.state_folder.join("images"), source };
    let Some(turn) = turn(ledger, how).await.map_err(failed)? else {
        return Ok(PruneReport { left_to_another: true, ..report(settings) });
    };
    let cache = settings.cache_folder.clone();
    let emptied = blocking(move || folders::empty_trash(&cache)).await;
    let mut survey = Survey::take(store, ledger, settings).await?;
    let mut report = report(settings);
    report.total_before = survey.entries.iter().map(|entry| entry.added_bytes).sum();
    if let Err(error) = emptied {
        let what = folders::place(&settings.cache_folder).display().to_string();
        report.failed.push(PruneFailure { what, reason: error.to_string() });
    }
    let mut goal = goal(settings, how);
    // Once begun, pruning continues to the low mark, even after the total is below the high one.
    if let Goal::Marks { high, low } = &mut goal
        && report.total_before > *high
    {
        *high = *low;
    }
    loop {
        let decision = decide(&survey.subjects(), goal, survey.now);
        let Some(&victim) = decision.victims.first() else {
            let fates = survey.entries.into_iter().zip(decision.fates);
            report.kept.extend(fates.filter_map(|(entry, fate)| match fate {
                Fate::Stays(why) => Some(Kept { entry, why }),
                Fate::Goes => None,
            }));
            break;
        };
        let entry = &survey.entries[victim];
        match remove(store, ledger, entry, how, &survey).await {
            Ok(Removal::Gone { freed }) => {
                report.freed += if freed { entry.added_bytes } else { 0 };
                report.removed.push(survey.entries.remove(victim));
            }
            Ok(Removal::Skipped) => {
                report.skipped.push(entry.clone());
                survey.entries[victim].protection = Some(Stays::Held);
            }
            Err(error) => {
                report.failed.push(PruneFailure { what: entry.title(), reason: chain(&*error) });
                survey.entries[victim].protection = Some(Stays::NotRemoved);
            }
        }
    }
    if let Some(store) = store {
        caches::remove_abandoned(store).await?;
        let (ledger, present) = (ledger.clone(), survey.present);
        let gone = blocking(move || forget_absent(&ledger, |key| present.contains(key), SystemTime::now())).await;
        gone.map_err(failed)?;
    }
    drop(turn);
    Ok(report)
}

/// Removes one entry of a survey, as a user requested. Returns whether it is gone; if not, it is in use again.
pub(crate) async fn remove_one(
    store: Option<&dyn ImageStore>,
    ledger: &UsageStore,
    survey: &Survey,
    index: usize,
) -> Result<bool, AnyError> {
    let _turn = turn(ledger, How::Everything).await?;
    let removal = remove(store, ledger, &survey.entries[index], How::Everything, survey).await?;
    Ok(matches!(removal, Removal::Gone { .. }))
}

/// Returns what `prune` would do, and changes nothing.
pub(crate) fn foresee(survey: Survey, settings: &Settings, how: How) -> PruneReport {
    let decision = decide(&survey.subjects(), goal(settings, how), survey.now);
    let mut report = PruneReport { total_before: decision.total, ..report(settings) };
    report.removed.extend(decision.victims.iter().map(|victim| survey.entries[*victim].clone()));
    report.freed = report.removed.iter().map(|entry| entry.added_bytes).sum();
    for (entry, fate) in survey.entries.into_iter().zip(decision.fates) {
        if let Fate::Stays(why) = fate {
            report.kept.push(Kept { entry, why });
        }
    }
    report
}

/// The low mark of a budget, in bytes.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a budget is no more than the budget, and a few bytes do not matter"
)]
pub(crate) fn low_mark(settings: &Settings) -> u64 {
    (settings.images.disk_budget as f64 * settings.images.low_mark.clamp(0.0, 1.0)) as u64
}

/// The goal of clean-up.
pub(crate) fn goal(settings: &Settings, how: How) -> Goal {
    match how {
        How::Everything => Goal::Nothing,
        How::AfterBuild | How::OnDemand => Goal::Marks { high: settings.images.disk_budget, low: low_mark(settings) },
    }
}

fn report(settings: &Settings) -> PruneReport {
    PruneReport { budget: settings.images.disk_budget, low: low_mark(settings), ..PruneReport::default() }
}

/// Waits for the lock of clean-up, or returns `None` if another clean-up has it.
async fn turn(ledger: &UsageStore, how: How) -> io::Result<Option<LockGuard>> {
    match how {
        How::AfterBuild => ledger.try_claim(TURN),
        How::OnDemand | How::Everything => ledger.claim(TURN).await.map(Some),
    }
}

enum Removal {
    /// It no longer exists. Its space is free unless another image, known only to the engine, is built on it.
    Gone { freed: bool },
    /// It is in use again.
    Skipped,
}

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

async fn remove(
    store: Option<&dyn ImageStore>,
    ledger: &UsageStore,
    entry: &ImageEntry,
    how: How,
    survey: &Survey,
) -> Result<Removal, AnyError> {
    let Some(held) = ledger.try_claim(&entry.key)? else { return Ok(Removal::Skipped) };
    let used_meanwhile = ledger.last_used(&entry.key).is_some_and(|used| used > survey.now && how != How::Everything);
    if !entry.is_nameless() && (used_meanwhile || ledger.is_pinned(&entry.key)) {
        return Ok(Removal::Skipped);
    }
    let removal = match (&entry.id, &entry.path, store) {
        (Some(id), _, Some(store)) => remove_image(store, &ImageId(id.clone()), &entry.names).await?,
        (_, Some(path), _) => {
            let path = path.clone();
            blocking(move || folders::remove(&path)).await?;
            Removal::Gone { freed: true }
        }
        _ => Removal::Skipped,
    };
    // Another image may have the same hash: an imported one, or the successor that took this one's name.
    let last = survey.entries.iter().filter(|other| other.key == entry.key).count() == 1;
    if last && matches!(removal, Removal::Gone { .. }) {
        ledger.forget(&entry.key, &held)?;
    }
    Ok(removal)
}

async fn remove_image(store: &dyn ImageStore, id: &ImageId, names: &[String]) -> Result<Removal, AnyError> {
    if store.in_use().await?.contains(id) {
        return Ok(Removal::Skipped);
    }
    match store.find(&id.0).await? {
        None => return Ok(Removal::Gone { freed: true }),
        // A name was added or removed: either way the image has changed since the decision.
        Some(found) if found.names.len() != names.len() || !names.iter().all(|name| found.names.contains(name)) => {
            return Ok(Removal::Skipped);
        }
        Some(_) => {}
    }
    let references = if names.is_empty() { std::slice::from_ref(&id.0) } else { names };
    for reference in references {
        if let Err(error) = remove_name(store, id, reference).await {
            // The engine refuses if a container was created at the last moment.
            return if store.in_use().await?.contains(id) { Ok(Removal::Skipped) } else { Err(error.into()) };
        }
    }
    Ok(Removal::Gone { freed: store.find(&id.0).await?.is_none() })
}

/// Removes a name of an image in which interpreters may wait. A host may be about to make one more, and does not try again
/// at once.
async fn remove_name(store: &dyn ImageStore, id: &ImageId, name: &str) -> Result<(), StoreError> {
    let mut attempts = 0;
    loop {
        let removed = store.remove(name).await;
        attempts += 1;
        if removed.is_ok() || attempts == ATTEMPTS || store.in_use().await?.contains(id) {
            return removed;
        }
        store.let_go(id).await?;
    }
}

/// Forgets images that no longer exist and were not used for long. Pins and locked records stay.
fn forget_absent(ledger: &UsageStore, is_present: impl Fn(&str) -> bool, now: SystemTime) -> io::Result<()> {
    for key in ledger.environments()?.into_iter().filter(|key| key != TURN && !is_present(key)) {
        let used = ledger.last_used(&key);
        let recent = used.is_some_and(|used| now.duration_since(used).unwrap_or_default() < MEMORY);
        if recent || ledger.is_pinned(&key) {
            continue;
        }
        if let Some(held) = ledger.try_claim(&key)? {
            ledger.forget(&key, &held)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::FileTimes;

    #[tokio::test]
    async fn the_ledger_forgets_what_is_gone_for_long_and_nobody_holds_or_pinned() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = UsageStore::new(folder.path());
        for key in ["there", "gone", "pinned", "held", "prune"] {
            ledger.touch(key).unwrap();
            let used = folder.path().join("images").join(key).join("used");
            let long_ago = SystemTime::now() - MEMORY * 2;
            std::fs::File::options()
                .append(true)
                .open(used)
                .unwrap()
                .set_times(FileTimes::new().set_modified(long_ago))
                .unwrap();
        }
        ledger.touch("recent").unwrap();
        ledger.pin("pinned").unwrap();
        let held = ledger.share("held").await.unwrap();
        forget_absent(&ledger, |key| key == "there", SystemTime::now()).unwrap();
        drop(held);
        let mut left = ledger.environments().unwrap();
        left.sort();
        assert_eq!(left, ["held", "pinned", "prune", "recent", "there"]);
    }

    #[test]
    fn the_low_mark_is_a_share_of_the_budget() {
        let mut settings = Settings::default();
        assert_eq!(low_mark(&settings), 16_000_000_000);
        settings.images.low_mark = 7.0;
        assert_eq!(low_mark(&settings), 20_000_000_000);
        settings.images.low_mark = f64::NAN;
        assert_eq!(low_mark(&settings), 0);
    }

    /// A cache with an environment for each hash, and a usage store.
    fn machine(hashes: &[&str]) -> (tempfile::TempDir, Settings, UsageStore) {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.cache_folder = folder.path().join("cache");
        settings.state_folder = folder.path().join("state");
        for hash in hashes {
            std::fs::create_dir_all(folders::place(&settings.cache_folder).join(hash)).unwrap();
        }
        let ledger = UsageStore::new(&settings.state_folder);
        (folder, settings, ledger)
    }

    #[tokio::test]
    async fn a_build_leaves_clean_up_to_another_that_is_at_work() {
        let hash = "00000000000000000000000000000000";
        let (_folder, settings, ledger) = machine(&[hash]);
        let turn = ledger.claim(TURN).await.unwrap();
        let report = prune(None, &ledger, &settings, How::AfterBuild).await.unwrap();
        assert!(report.left_to_another && report.summary().is_none());
        drop(turn);
        let report = prune(None, &ledger, &settings, How::AfterBuild).await.unwrap();
        assert!(!report.left_to_another && report.kept.len() == 1);
    }

    #[tokio::test]
    async fn what_cannot_be_removed_is_reported_and_the_others_go() {
        let hashes = ["00000000000000000000000000000000", "11111111111111111111111111111111"];
        let (_folder, settings, ledger) = machine(&hashes);
        // The usage store has a file in place of the folder with the lock.
        std::fs::create_dir_all(settings.state_folder.join("images")).unwrap();
        std::fs::write(settings.state_folder.join("images").join(hashes[0]), "").unwrap();
        let report = prune(None, &ledger, &settings, How::Everything).await.unwrap();
        assert_eq!(report.removed.iter().map(|entry| entry.hash.as_str()).collect::<Vec<_>>(), [hashes[1]]);
        assert_eq!(report.failed.len(), 1, "{report:?}");
        assert!(report.failed[0].what.ends_with(hashes[0]), "{report:?}");
        assert!(report.summary().unwrap().starts_with("cannot remove `"), "{report:?}");
    }

    #[tokio::test]
    async fn one_is_removed_alone_and_not_while_it_is_in_use() {
        let hashes = ["00000000000000000000000000000000", "11111111111111111111111111111111"];
        let (_folder, settings, ledger) = machine(&hashes);
        let survey = Survey::take(None, &ledger, &settings).await.unwrap();
        let held = ledger.share(&survey.entries[1].key).await.unwrap();
        assert!(!remove_one(None, &ledger, &survey, 1).await.unwrap());
        drop(held);
        assert!(remove_one(None, &ledger, &survey, 0).await.unwrap());
        let there = |index: usize| survey.entries[index].path.as_ref().unwrap().exists();
        assert!(!there(0) && there(1));
    }

    #[tokio::test]
    async fn what_was_used_or_pinned_since_it_was_looked_at_stays() {
        let hashes = ["00000000000000000000000000000000", "11111111111111111111111111111111"];
        let (_folder, settings, ledger) = machine(&hashes);
        let survey = Survey::take(None, &ledger, &settings).await.unwrap();
        ledger.touch(hashes[0]).unwrap();
        ledger.pin(hashes[1]).unwrap();
        for entry in &survey.entries {
            let removal = remove(None, &ledger, entry, How::OnDemand, &survey).await.unwrap();
            assert!(matches!(removal, Removal::Skipped));
            assert!(entry.path.as_ref().unwrap().exists());
        }
    }
}
