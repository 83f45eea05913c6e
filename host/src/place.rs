//! A run's own folder with its socket. The folder is locked while the run lives, so that whoever comes later can tell
//! what a killed host left behind, and clean it up.

use crate::engine::EngineError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Attempts at creating a folder while others remove its empty parent.
const ATTEMPTS: usize = 10;

/// The folder of one run; it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    parent: PathBuf,
    folder: PathBuf,
    /// Holds the lock for as long as the run lives.
    _lock: File,
}

impl Place {
    /// Makes the folder of a run below `parent`, and removes what killed hosts left there.
    pub(crate) fn create(parent: &Path, run_id: &str) -> Result<Self, EngineError> {
        let folder = parent.join(run_id);
        let failed = |source| EngineError::Place { path: folder.clone(), source };
        let mut attempt = 0;
        loop {
            match create_both(parent, &folder) {
                Ok(()) => break,
                // Another run has just removed the empty parent.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(failed(error)),
            }
        }
        let lock = File::open(&folder).map_err(failed)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
        let place = Self { parent: parent.to_owned(), folder, _lock: lock };
        place.remove_abandoned();
        Ok(place)
    }

    /// The folder; a container sees it as `/run/longshore`.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("host.sock")
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

    fn remove_abandoned(&self) {
        for entry in std::fs::read_dir(&self.parent).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(folder) = File::open(&path) else { continue };
            if path != self.folder && flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // Its host is dead. A folder that cannot be removed now is found again by the next run.
                let _ = std::fs::remove_dir_all(&path);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed now is abandoned, and found by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
        // Fails, as it should, while other runs have their folders there.
        let _ = std::fs::remove_dir(&self.parent);
    }
}

fn create_both(parent: &Path, folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(parent) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o755).create(folder)?;
    // The container's user must get in, whatever the umask.
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755))
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
}
