//! A run's own folder with its socket. The folder is locked while the run lives, so that whoever comes later can tell
//! what a killed host left behind, and clean it up.

use crate::engine::EngineError;
use crate::run::new_run_id;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// What the names of folders begin with that are made among those of others.
pub(crate) const TEMPORARY: &str = "longshore-";

/// Attempts at creating a folder while others take it for abandoned, or remove its empty parent.
const ATTEMPTS: usize = 100;

/// A folder that is locked for as long as this lives, and removed when it is dropped, unless it is to stay.
#[derive(Debug)]
pub(crate) struct LockedFolder {
    path: PathBuf,
    stays: bool,
    _lock: File,
}

/// Whether somebody holds a folder's lock. Where nothing is nobody does.
pub(crate) fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|folder| flock(&folder, FlockOperation::NonBlockingLockShared).is_err())
}

/// Removes a folder that nobody holds locked. Says whether it is gone.
pub(crate) fn remove_unlocked(path: &Path) -> io::Result<bool> {
    let gone = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(true) } else { Err(error) };
    let folder = match File::open(path) {
        Ok(folder) => folder,
        Err(error) => return gone(error),
    };
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => std::fs::remove_dir_all(path).map(|()| true).or_else(gone),
        Err(_) => Ok(false),
    }
}

impl LockedFolder {
    /// Makes `parent/name`, and `parent` for this user alone where it is missing. Whoever finds it locked knows that its
    /// host is alive.
    pub(crate) fn create(parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        let path = parent.join(name);
        let mut attempt = 0;
        loop {
            match Self::make(parent, path.clone(), mode) {
                // Another run has just taken it for abandoned, before it was locked, or removed the empty parent.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                made => return made,
            }
        }
    }

    /// Makes a folder for what programs leave that are called for this process alone. Where the host is killed, the next
    /// run of the `process` engine finds it abandoned.
    pub(crate) fn temporary(parent: &Path) -> io::Result<Self> {
        Self::create(parent, &format!("{TEMPORARY}{}", new_run_id()), 0o700)
    }

    fn make(parent: &Path, path: PathBuf, mode: u32) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(mode).create(&path)?;
        // Others must get in where the mode says so, whatever the umask.
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode))?;
        let lock = File::open(&path)?;
        flock(&lock, FlockOperation::LockExclusive)?;
        // Gone, if another host took it for abandoned before it was locked.
        std::fs::metadata(&path)?;
        Ok(Self { path, stays: false, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folders beside this one that start with `prefix` and whose hosts are dead.
    pub(crate) fn remove_abandoned(&self, prefix: &str) {
        let parent = self.path.parent().unwrap_or(&self.path);
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path == self.path || !name.to_string_lossy().starts_with(prefix) {
                continue;
            }
            // One that cannot be removed now is found again by the next run.
            let _ = remove_unlocked(&path);
        }
    }

    /// Has the folder stay when this is dropped, unlocked.
    pub(crate) fn stay(&mut self) {
        self.stays = true;
    }
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        // What cannot be removed now is abandoned, and found by the next run.
        let _ = if self.stays { Ok(()) } else { std::fs::remove_dir_all(&self.path) };
    }
}

/// The folder of one run; it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    folder: Option<LockedFolder>,
    path: PathBuf,
}

impl Place {
    /// Makes the folder of a run below `parent`, and removes what killed hosts left there.
    pub(crate) fn create(parent: &Path, run_id: &str) -> Result<Self, EngineError> {
        let path = parent.join(run_id);
        let folder = LockedFolder::create(parent, run_id, 0o755)
            .map_err(|source| EngineError::Place { path: path.clone(), source })?;
        folder.remove_abandoned("");
        Ok(Self { folder: Some(folder), path })
    }

    /// The folder; a container sees it as `/run/longshore`.
    pub(crate) fn folder(&self) -> &Path {
        &self.path
    }

    /// The socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join("host.sock")
    }

    /// Listens on the socket. Any user may connect who can reach it: the parent folder is the host user's alone, and
    /// the one container it is mounted into has a user of its own.
    pub(crate) fn listen(&self) -> Result<UnixListener, EngineError> {
        let socket = self.socket();
        let failed = |source| EngineError::Place { path: socket.clone(), source };
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).map_err(failed)?;
        Ok(listener)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.folder = None;
        // Fails, as it should, while other runs have their folders there.
        let _ = std::fs::remove_dir(self.path.parent().unwrap_or(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_folders_go_and_living_ones_stay() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path().join("runs");
        let living = Place::create(&parent, "living").unwrap();
        std::fs::create_dir(parent.join("abandoned")).unwrap();
        let next = Place::create(&parent, "next").unwrap();
        assert!(living.folder().exists());
        assert!(!parent.join("abandoned").exists());
        drop(living);
        assert!(parent.exists());
        drop(next);
        assert!(!parent.exists());
    }

    #[test]
    fn runs_that_start_and_end_at_once_do_not_take_each_other_for_abandoned() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path().join("runs");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let parent = &parent;
                scope.spawn(move || {
                    for run in 0..100 {
                        let place = Place::create(parent, &format!("{thread}-{run}")).unwrap();
                        assert!(place.folder().exists());
                    }
                });
            }
        });
        assert!(!parent.exists());
    }
}
