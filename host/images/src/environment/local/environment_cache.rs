//! The environment cache: a folder for each environment, named by hash. An environment is built in a folder beside it,
//! and moved into place when it is complete, so that no incomplete one is ever used. Its builder holds an exclusive
//! lock in the usage store, its users shared ones. The content belongs to the languages.

use super::LocalError;
use crate::usage_store::{LockGuard, UsageStore};
use longshore_config::settings::Settings;
use longshore_model::cancel::Cancel;
use longshore_model::run_id::new_run_id;
use longshore_os::disk_use::folder_bytes;
use longshore_os::locked_folder::LockedFolder;
use longshore_os::presence::if_there;
use longshore_os::small_file;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of environments in the cache.
const FOLDER: &str = "environments";

/// Prefix of environments that are being built; their hosts hold locks on them.
const BUILDING: &str = ".building-";

/// The file that lists an environment's content. It is moved into place with the other files.
const RECORD: &str = "environment.json";

/// Files with the same facts for listings of environments: the requested packages, and the size in bytes.
const PACKAGES: &str = "packages";
const SIZE: &str = "size";

/// How long it is remembered that a repository had no package of a name: a day, as new packages are rare.
const UNAVAILABLE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it is remembered that no repository answered: ten minutes, as networks recover.
const UNREACHABLE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The content of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `python` or `r`.
    pub(crate) language: String,
    /// The packages that the block names.
    pub(crate) requirements: Vec<String>,
    /// The packages installed for it, with versions; empty if the interpreter had all of them.
    pub(crate) installed: Vec<String>,
    /// Packages that no repository had, and that are optional for the block.
    #[serde(default)]
    pub(crate) unavailable: Vec<String>,
    /// Whether they are missing because no repository answered.
    #[serde(default)]
    pub(crate) unreachable: bool,
}

/// An environment in the cache.
#[derive(Debug)]
pub(super) struct InstalledEnvironment {
    pub(super) record: Record,
    pub(super) folder: PathBuf,
    /// Prevents its removal.
    pub(super) hold: LockGuard,
}

/// The result of a request.
#[derive(Debug)]
pub(super) enum Acquired {
    /// The environment exists.
    InstalledEnvironment(Box<InstalledEnvironment>),
    /// The environment is missing, and the caller has the exclusive right to build it.
    BuildDirectory(BuildDirectory),
}

/// The folder in which an environment is being built.
#[derive(Debug)]
pub(super) struct BuildDirectory {
    building: LockedFolder,
    target: PathBuf,
    _claim: LockGuard,
}

/// All environments of this user.
#[derive(Debug)]
pub(super) struct EnvironmentCache {
    folder: PathBuf,
    state_folder: PathBuf,
    ledger: UsageStore,
}

impl EnvironmentCache {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.cache_folder.join(FOLDER),
            state_folder: settings.state_folder.clone(),
            ledger: UsageStore::new(&settings.state_folder),
        }
    }

    /// The content of an environment, if it exists and has not expired.
    pub(crate) fn find(&self, hash: &str) -> Option<Record> {
        let record = self.read(hash)?;
        let lifetime = match (record.unreachable, record.unavailable.is_empty()) {
            (true, _) => UNREACHABLE_LIFETIME,
            (false, false) => UNAVAILABLE_LIFETIME,
            (false, true) => return Some(record),
        };
        // If the clock was set back, the age counts as zero.
        let written = self.record(hash).metadata().ok()?.modified().ok()?;
        (written.elapsed().unwrap_or_default() < lifetime).then_some(record)
    }

    /// The content of an environment, if it exists.
    fn read(&self, hash: &str) -> Option<Record> {
        serde_json::from_slice(&small_file::read(&self.record(hash), small_file::MADE_MAX).ok()?).ok()
    }

    /// The folder of an environment.
    pub(super) fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(hash)
    }

    fn record(&self, hash: &str) -> PathBuf {
        self.path(hash).join(RECORD)
    }

    /// The environment, or the right to build it. Waits while another caller builds it.
    pub(super) async fn take(&self, hash: &str, cancel: &Cancel) -> Result<Acquired, LocalError> {
        loop {
            // An expired environment is rebuilt, unless a run uses it: then this run uses it too.
            if self.find(hash).is_none() && self.read(hash).is_some() {
                let claim = self.ledger.try_claim(hash).map_err(|source| self.ledger_error(source))?;
                if let Some(claim) = claim.filter(|_| self.find(hash).is_none()) {
                    return self.site(hash, claim).map(Acquired::BuildDirectory);
                }
            }
            let hold = self.share(hash, cancel).await?;
            if let Some(record) = self.read(hash) {
                // A use that is not recorded only makes its eviction a little earlier.
                let _ = self.ledger.touch(hash);
                let folder = self.path(hash);
                return Ok(Acquired::InstalledEnvironment(Box::new(InstalledEnvironment { record, folder, hold })));
            }
            drop(hold);
            // Not awaited: the first to get the claim may be done before this tries again, and then other runs hold
            // shares for as long as they take. Without an environment, shares are held only for a moment.
            let claim = self.ledger.try_claim(hash).map_err(|source| self.ledger_error(source))?;
            if let Some(claim) = claim.filter(|_| self.read(hash).is_none()) {
                return self.site(hash, claim).map(Acquired::BuildDirectory);
            }
            tokio::task::yield_now().await;
        }
    }

    fn ledger_error(&self, source: io::Error) -> LocalError {
        LocalError::UsageStore { path: self.state_folder.clone(), source }
    }

    /// Waits until no other caller builds or removes a locked environment, or the run is cancelled.
    pub(super) async fn share(&self, hash: &str, cancel: &Cancel) -> Result<LockGuard, LocalError> {
        tokio::select! {
            held = self.ledger.share(hash) => held.map_err(|source| self.ledger_error(source)),
            () = cancel.cancelled() => Err(LocalError::Cancelled),
        }
    }

    fn site(&self, hash: &str, claim: LockGuard) -> Result<BuildDirectory, LocalError> {
        let failed = |source| LocalError::Folder { path: self.folder.clone(), source };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let name = format!("{BUILDING}{}", new_run_id());
        let building = LockedFolder::create(&self.folder, &name, 0o700).map_err(failed)?;
        building.remove_abandoned(BUILDING);
        let site = BuildDirectory { building, target: self.folder.join(hash), _claim: claim };
        for folder in [site.folder(), site.home()] {
            std::fs::create_dir(folder).map_err(failed)?;
        }
        Ok(site)
    }
}

impl BuildDirectory {
    /// The folder that becomes the environment.
    pub(super) fn folder(&self) -> PathBuf {
        self.building.path().join("environment")
    }

    /// A home folder for the installers, which is removed with the build.
    pub(super) fn home(&self) -> PathBuf {
        self.building.path().join("home")
    }

    /// The folder of the whole cache.
    pub(super) fn shelf(&self) -> &Path {
        self.target.parent().unwrap_or(&self.target)
    }

    /// Moves the environment into place, and releases the claim.
    pub(super) fn publish(self, record: &Record) -> Result<(), LocalError> {
        let failed = |source| LocalError::Folder { path: self.target.clone(), source };
        let text = serde_json::to_vec_pretty(record).map_err(io::Error::from).map_err(failed)?;
        let folder = self.folder();
        std::fs::write(folder.join(RECORD), text).map_err(failed)?;
        // For listings of environments, which then need not read the folder.
        std::fs::write(folder.join(PACKAGES), record.requirements.join("\n") + "\n").map_err(failed)?;
        std::fs::write(folder.join(SIZE), folder_bytes(&folder).to_string()).map_err(failed)?;
        // An expired environment may be in its place. It is unused, since this holds the claim.
        if_there(std::fs::rename(&self.target, self.building.path().join("before"))).map_err(failed)?;
        std::fs::rename(folder, &self.target).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn shelf(folder: &Path) -> EnvironmentCache {
        let mut settings = Settings::default();
        settings.cache_folder = folder.join("cache");
        settings.state_folder = folder.join("state");
        EnvironmentCache::new(&settings)
    }

    fn record(unavailable: &[&str]) -> Record {
        let unavailable = unavailable.iter().map(|name| (*name).to_owned()).collect();
        Record { language: "r".into(), unavailable, ..Record::default() }
    }

    async fn site(shelf: &EnvironmentCache, hash: &str) -> BuildDirectory {
        match shelf.take(hash, &Cancel::new()).await.unwrap() {
            Acquired::BuildDirectory(site) => site,
            Acquired::InstalledEnvironment(standing) => panic!("{standing:?}"),
        }
    }

    #[tokio::test]
    async fn ten_at_once_make_one() {
        let folder = tempfile::tempdir().unwrap();
        let made = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (shelf, made) = (shelf(folder.path()), made.clone());
                tokio::spawn(async move {
                    loop {
                        match shelf.take("x", &Cancel::new()).await.unwrap() {
                            Acquired::InstalledEnvironment(standing) => return standing,
                            Acquired::BuildDirectory(site) => {
                                made.fetch_add(1, Ordering::SeqCst);
                                site.publish(&record(&[])).unwrap();
                            }
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().record, record(&[]));
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_is_not_complete_is_not_there_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        std::fs::create_dir(shelf.folder.parent().unwrap()).unwrap();
        let mut killed = LockedFolder::create(&shelf.folder, &format!("{BUILDING}{}", new_run_id()), 0o700).unwrap();
        let left = killed.path().join("environment");
        std::fs::create_dir(&left).unwrap();
        killed.stay();
        drop(killed);
        std::fs::create_dir_all(shelf.folder.join("x")).unwrap();
        assert_eq!(shelf.find("x"), None);
        let abandoned = site(&shelf, "x").await;
        assert!(!left.exists() && abandoned.folder().exists());
        drop(abandoned);
        assert_eq!(std::fs::read_dir(&shelf.folder).unwrap().count(), 1);
        site(&shelf, "x").await.publish(&record(&[])).unwrap();
        assert_eq!(shelf.find("x"), Some(record(&[])));
        let size = std::fs::read_to_string(shelf.folder.join("x/size")).unwrap();
        assert!(size.parse::<u64>().unwrap() >= 512, "{size}");
        assert_eq!(std::fs::read_dir(&shelf.folder).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn who_waits_can_be_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let making = site(&shelf, "x").await;
        let cancel = Cancel::new();
        cancel.cancel(longshore_model::cancel::CancelLevel::Gently);
        assert!(matches!(shelf.take("x", &cancel).await, Err(LocalError::Cancelled)));
        drop(making);
        drop(site(&shelf, "x").await);
    }

    #[tokio::test]
    async fn that_a_package_is_nowhere_counts_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let aged = |hash: &str, seconds| {
            let file = std::fs::File::options().append(true).open(shelf.folder.join(hash).join(RECORD)).unwrap();
            let then = std::time::SystemTime::now() - Duration::from_secs(seconds);
            file.set_modified(then).unwrap();
            shelf.find(hash).is_some()
        };
        site(&shelf, "all").await.publish(&record(&[])).unwrap();
        site(&shelf, "some").await.publish(&record(&["a"])).unwrap();
        site(&shelf, "none").await.publish(&Record { unreachable: true, ..record(&["a"]) }).unwrap();
        assert!(shelf.find("none").is_some());
        assert!(!aged("none", 700) && aged("some", 700) && !aged("some", 100_000) && aged("all", 100_000));
        let using = shelf.share("some", &Cancel::new()).await.unwrap();
        let taken = shelf.take("some", &Cancel::new()).await.unwrap();
        assert!(matches!(taken, Acquired::InstalledEnvironment(standing) if standing.record.unavailable == ["a"]));
        drop(using);
        site(&shelf, "some").await.publish(&record(&[])).unwrap();
        assert!(aged("some", 100_000));
    }
}
