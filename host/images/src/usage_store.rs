//! The usage store: facts about images between runs that no engine stores: when each was last used, whether it is
//! pinned, and who is working on it. One folder for each image, named by the image's environment; all of it can be lost
//! without harm except pins.
//!
//! Waiting for a lock blocks no thread: it is tried again after a while. A build takes minutes, hundreds of runs may
//! wait for it, and it needs threads of the same pool to end.

use longshore_os::presence::if_there;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, FileTimes, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The first delay of a wait for a lock, and the longest; each is twice the one before. A lock that was held only for a
/// moment is free at the second attempt; a thousand callers that wait for a build cost 20,000 calls a second at the
/// longest delay, and start at most 50 ms after its end.
const WAIT: Duration = Duration::from_millis(1);
const WAIT_MAX: Duration = Duration::from_millis(50);

/// How often a folder is created again that others remove. Each removal in between is a race of microseconds; so many
/// failures mean an error.
const TRIES: u32 = 1000;

/// The usage store of this user's images.
#[derive(Debug, Clone)]
pub(crate) struct UsageStore {
    folder: PathBuf,
}

/// A lock on an image, held until this is dropped.
#[derive(Debug)]
pub struct LockGuard {
    _lock: File,
}

impl UsageStore {
    /// The usage store in a folder, which may be missing.
    pub(crate) fn new(state_folder: &Path) -> Self {
        Self { folder: state_folder.join("images") }
    }

    /// Records that an environment is used now.
    pub(crate) fn touch(&self, environment: &str) -> io::Result<()> {
        let file = self.open(environment, "used")?;
        file.set_times(FileTimes::new().set_modified(SystemTime::now()))
    }

    /// When an environment was last used; `None` if never.
    pub(crate) fn last_used(&self, environment: &str) -> Option<SystemTime> {
        std::fs::metadata(self.path(environment, "used")).and_then(|facts| facts.modified()).ok()
    }

    /// Excludes an environment from eviction.
    pub(crate) fn pin(&self, environment: &str) -> io::Result<()> {
        self.open(environment, "pinned").map(drop)
    }

    /// Undoes `pin`. It is not an error if it is not pinned.
    pub(crate) fn unpin(&self, environment: &str) -> io::Result<()> {
        if_there(std::fs::remove_file(self.path(environment, "pinned"))).map(drop)
    }

    /// Whether an environment is pinned.
    pub(crate) fn is_pinned(&self, environment: &str) -> bool {
        self.path(environment, "pinned").exists()
    }

    /// Waits until no other caller builds or removes an environment, and prevents both. Dropping it ends the wait.
    pub(crate) async fn share(&self, environment: &str) -> io::Result<LockGuard> {
        self.hold(environment, FlockOperation::NonBlockingLockShared).await
    }

    /// Waits for exclusive access to an environment, to build it. Dropping it ends the wait.
    pub(crate) async fn claim(&self, environment: &str) -> io::Result<LockGuard> {
        self.hold(environment, FlockOperation::NonBlockingLockExclusive).await
    }

    /// The same without waiting: `None` if it is locked in any way.
    pub(crate) fn try_claim(&self, environment: &str) -> io::Result<Option<LockGuard>> {
        let mut lock = self.open(environment, "lock")?;
        self.try_hold(environment, &mut lock, FlockOperation::NonBlockingLockExclusive)
            .map(|held| held.then(|| LockGuard { _lock: lock }))
    }

    /// Whether an environment is locked at this moment.
    pub(crate) fn is_held(&self, environment: &str) -> bool {
        let Ok(lock) = OpenOptions::new().append(true).open(self.path(environment, "lock")) else { return false };
        flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err()
    }

    /// Every environment with a record.
    pub(crate) fn environments(&self) -> io::Result<Vec<String>> {
        let entries = if_there(std::fs::read_dir(&self.folder))?.into_iter().flatten();
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    /// Forgets an environment whose image no longer exists, except its pin. Waiting callers continue immediately with a
    /// new folder: the environment must not be changed after this.
    pub(crate) fn forget(&self, environment: &str, _held: &LockGuard) -> io::Result<()> {
        if_there(std::fs::remove_file(self.path(environment, "used")))?;
        if self.is_pinned(environment) {
            return Ok(());
        }
        if_there(std::fs::remove_file(self.path(environment, "lock")))?;
        // Fails, as intended, if another caller has created a file in it since.
        let _ = std::fs::remove_dir(self.path(environment, ""));
        Ok(())
    }

    async fn hold(&self, environment: &str, how: FlockOperation) -> io::Result<LockGuard> {
        let (mut lock, mut wait) = (self.open(environment, "lock")?, WAIT);
        while !self.try_hold(environment, &mut lock, how)? {
            tokio::time::sleep(wait).await;
            wait = WAIT_MAX.min(wait * 2);
        }
        Ok(LockGuard { _lock: lock })
    }

    /// Takes a lock if it is free. Its last holder may have forgotten the environment, and others may have a new file
    /// since: then that one replaces `lock`.
    fn try_hold(&self, environment: &str, lock: &mut File, how: FlockOperation) -> io::Result<bool> {
        loop {
            match flock(&*lock, how) {
                Err(Errno::WOULDBLOCK) => return Ok(false),
                taken => taken?,
            }
            let held = lock.metadata()?;
            match if_there(std::fs::metadata(self.path(environment, "lock")))? {
                Some(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => return Ok(true),
                _ => *lock = self.open(environment, "lock")?,
            }
        }
    }

    fn open(&self, environment: &str, name: &str) -> io::Result<File> {
        let path = self.path(environment, name);
        std::fs::create_dir_all(&self.folder)?;
        let mut tries = 1;
        loop {
            match std::fs::create_dir(self.path(environment, "")) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            match OpenOptions::new().create(true).append(true).open(&path) {
                // Another caller has just forgotten the environment.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
                opened => return opened,
            }
        }
    }

    fn path(&self, environment: &str, name: &str) -> PathBuf {
        self.folder.join(environment.replace(['/', ':'], "-")).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a free lock.
    fn claimed(ledger: &UsageStore) -> LockGuard {
        ledger.try_claim("a").unwrap().unwrap()
    }

    #[tokio::test]
    async fn who_uses_an_environment_keeps_others_from_making_or_removing_it() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = UsageStore::new(folder.path());
        let (one, other) = (ledger.share("a").await.unwrap(), ledger.share("a").await.unwrap());
        assert!(ledger.try_claim("a").unwrap().is_none());
        assert!(ledger.try_claim("b").unwrap().is_some());
        drop((one, other));
        let claimed = ledger.try_claim("a").unwrap().unwrap();
        assert!(ledger.try_claim("a").unwrap().is_none());
        drop(claimed);
        assert!(ledger.try_claim("a").unwrap().is_some());
    }

    #[test]
    fn uses_and_pins_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = UsageStore::new(folder.path());
        assert_eq!(ledger.last_used("a"), None);
        ledger.touch("a").unwrap();
        assert!(ledger.last_used("a").unwrap() <= SystemTime::now());
        ledger.unpin("a").unwrap();
        ledger.pin("a").unwrap();
        assert!(ledger.is_pinned("a") && !ledger.is_pinned("b"));
        ledger.unpin("a").unwrap();
        assert!(!ledger.is_pinned("a"));
        ledger.forget("a", &claimed(&ledger)).unwrap();
        assert_eq!(ledger.last_used("a"), None);
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_but_a_pin() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = UsageStore::new(folder.path());
        for pinned in [false, true] {
            ledger.touch("a").unwrap();
            if pinned {
                ledger.pin("a").unwrap();
            }
            assert!(!ledger.is_held("a"));
            let held = claimed(&ledger);
            assert!(ledger.is_held("a"));
            ledger.forget("a", &held).unwrap();
            drop(held);
            assert_eq!(ledger.environments().unwrap(), if pinned { vec!["a"] } else { vec![] });
            assert_eq!((ledger.last_used("a"), ledger.is_pinned("a")), (None, pinned));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_holds_what_another_holds_while_folders_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let order = std::sync::atomic::Ordering::SeqCst;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (ledger, inside) = (UsageStore::new(folder.path()), inside.clone());
                tokio::spawn(async move {
                    for _ in 0..100 {
                        let held = ledger.claim("a").await.unwrap();
                        assert_eq!(inside.fetch_add(1, order), 0);
                        ledger.touch("a").unwrap();
                        assert_eq!(inside.fetch_sub(1, order), 1);
                        ledger.forget("a", &held).unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(UsageStore::new(folder.path()).environments().unwrap().is_empty());
    }

    #[test]
    fn those_who_wait_hold_no_thread_that_the_holder_needs() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = UsageStore::new(folder.path());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let held = ledger.claim("a").await.unwrap();
            let waiting: Vec<_> = (0..200)
                .map(|number| {
                    let ledger = ledger.clone();
                    tokio::spawn(async move {
                        let claims = number % 2 == 0;
                        drop(if claims { ledger.claim("a").await } else { ledger.share("a").await }.unwrap());
                    })
                })
                .collect();
            // As a build does before it releases its lock.
            for _ in 0..10 {
                tokio::task::spawn_blocking(|| ()).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert!(waiting.iter().all(|task| !task.is_finished()));
            drop(held);
            for task in waiting {
                task.await.unwrap();
            }
        });
    }
}
