//! What must be known of images between runs, and no store remembers: when each was last used, whether it is pinned, and
//! who is at work on it. One folder for each image, named by the image's environment; all of it can be lost without harm
//! but for pins.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, FileTimes, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The ledger of this user's images.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    folder: PathBuf,
}

/// Somebody is at work on an image; until this is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    _lock: File,
}

impl Ledger {
    /// The ledger in a folder, which need not be there.
    pub(crate) fn new(state_folder: &Path) -> Self {
        Self { folder: state_folder.join("images") }
    }

    /// Remembers that an environment is used now.
    pub(crate) fn touch(&self, environment: &str) -> io::Result<()> {
        let file = self.open(environment, "used")?;
        file.set_times(FileTimes::new().set_modified(SystemTime::now()))
    }

    /// When an environment was last used; `None` if never.
    pub(crate) fn last_used(&self, environment: &str) -> Option<SystemTime> {
        std::fs::metadata(self.path(environment, "used")).and_then(|facts| facts.modified()).ok()
    }

    /// Keeps an environment whatever space it takes.
    pub(crate) fn pin(&self, environment: &str) -> io::Result<()> {
        self.open(environment, "pinned").map(drop)
    }

    /// Undoes `pin`. One that is not pinned is no error.
    pub(crate) fn unpin(&self, environment: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path(environment, "pinned")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether an environment is pinned.
    pub(crate) fn is_pinned(&self, environment: &str) -> bool {
        self.path(environment, "pinned").exists()
    }

    /// Waits until nobody makes or removes an environment, and keeps others from it. Blocks.
    pub(crate) fn share(&self, environment: &str) -> io::Result<Hold> {
        self.hold(environment, FlockOperation::LockShared)
    }

    /// Waits until an environment is this caller's alone, to make it. Blocks.
    pub(crate) fn claim(&self, environment: &str) -> io::Result<Hold> {
        self.hold(environment, FlockOperation::LockExclusive)
    }

    /// The same without waiting: `None` where anybody makes, removes or is about to use it.
    pub(crate) fn try_claim(&self, environment: &str) -> io::Result<Option<Hold>> {
        match self.hold(environment, FlockOperation::NonBlockingLockExclusive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            held => held.map(Some),
        }
    }

    /// Forgets an environment whose image is gone. Who waits for it goes on with a folder of its own.
    pub(crate) fn forget(&self, environment: &str, _held: &Hold) -> io::Result<()> {
        let used = self.path(environment, "used");
        match std::fs::remove_file(used) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn hold(&self, environment: &str, how: FlockOperation) -> io::Result<Hold> {
        let lock = self.open(environment, "lock")?;
        flock(&lock, how)?;
        Ok(Hold { _lock: lock })
    }

    fn open(&self, environment: &str, name: &str) -> io::Result<File> {
        let path = self.path(environment, name);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        OpenOptions::new().create(true).append(true).open(path)
    }

    fn path(&self, environment: &str, name: &str) -> PathBuf {
        self.folder.join(environment.replace(['/', ':'], "-")).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_uses_an_environment_keeps_others_from_making_or_removing_it() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(folder.path());
        let (one, other) = (ledger.share("a").unwrap(), ledger.share("a").unwrap());
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
        let ledger = Ledger::new(folder.path());
        assert_eq!(ledger.last_used("a"), None);
        ledger.touch("a").unwrap();
        assert!(ledger.last_used("a").unwrap() <= SystemTime::now());
        ledger.unpin("a").unwrap();
        ledger.pin("a").unwrap();
        assert!(ledger.is_pinned("a") && !ledger.is_pinned("b"));
        ledger.unpin("a").unwrap();
        assert!(!ledger.is_pinned("a"));
        ledger.forget("a", &ledger.claim("a").unwrap()).unwrap();
        assert_eq!(ledger.last_used("a"), None);
    }
}
