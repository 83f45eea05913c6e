//! A run's own folder with its socket. The folder is locked while the run lives, so that whoever comes later can tell
//! what a killed host left behind, and clean it up. Only folders with names that [`new_run_id`] gives, and of this user,
//! are ever taken for abandoned: the others beside them are somebody's.

use crate::engine::EngineError;
use crate::run::new_run_id;
use crate::session::{Listener, Peers};
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, statat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::net::UnixListener;

/// What the names of folders begin with that are made among those of others.
pub(crate) const TEMPORARY: &str = "longshore-";

/// Attempts at creating a folder while others take it for abandoned, or remove its empty parent.
const ATTEMPTS: usize = 100;

/// How folders are opened to be locked.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How the folder above is opened, which this user may not be allowed to read.
const PARENT: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder that is locked for as long as this lives, and removed when it is dropped, unless it is to stay.
#[derive(Debug)]
pub(crate) struct LockedFolder {
    path: PathBuf,
    stays: bool,
    lock: File,
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

/// Whether a name is `prefix` and the id of a run.
fn is_of_run(name: &OsStr, prefix: &str) -> bool {
    let id = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split_once('-'));
    let is_number = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Microseconds since 1970 have 13 digits from 1996 to 2112.
    id.is_some_and(|(time, random)| time.len() == 13 && random.len() == 8 && is_number(time) && is_number(random))
}

/// Whether a folder, and no link to one, is this user's.
fn is_own_folder(path: &Path) -> bool {
    rustix::fs::lstat(path)
        .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory && found.st_uid == own_user())
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Why no run's socket may stand in a folder.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unsafe {
    /// Who owns it could put a socket of his own in the place of a run's.
    #[error(
        "it belongs to the user {owner} and not to {user}: have it removed, or set `XDG_RUNTIME_DIR` to a folder of your own"
    )]
    Foreign { owner: u32, user: u32 },
    /// Others could connect to the socket of a run.
    #[error("others may enter it, since its mode is {mode:04o}: run `chmod 700` on it")]
    Open { mode: u32 },
    /// A link, or a file.
    #[error("it is not a folder: remove it, or set `XDG_RUNTIME_DIR` to a folder of your own")]
    NoFolder,
}

/// How the parent of a folder is opened.
type Opening = fn(&Path) -> io::Result<OwnedFd>;

fn open(folder: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(folder, PARENT, Mode::empty())?)
}

/// Opens a folder that is this user's, and that nobody else may enter.
fn open_private(folder: &Path) -> io::Result<OwnedFd> {
    let opened = match rustix::fs::open(folder, PARENT | OFlags::NOFOLLOW, Mode::empty()) {
        // A link may be anybody's.
        Err(Errno::LOOP | Errno::NOTDIR) => return Err(io::Error::other(Unsafe::NoFolder)),
        opened => opened?,
    };
    let (found, user) = (fstat(&opened)?, own_user());
    let mode = Mode::from_raw_mode(found.st_mode);
    if found.st_uid != user {
        return Err(io::Error::other(Unsafe::Foreign { owner: found.st_uid, user }));
    }
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Err(io::Error::other(Unsafe::Open { mode: mode.bits() }));
    }
    Ok(opened)
}

/// Looks whether runs can have their folders in one. One that is missing is made by them, if they can.
pub(crate) fn check_parent(folder: &Path) -> Result<(), EngineError> {
    let checked = match open_private(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = folder.parent().unwrap_or(folder);
            rustix::fs::access(above, rustix::fs::Access::WRITE_OK).map_err(io::Error::from)
        }
        opened => opened.map(drop),
    };
    checked.map_err(|source| EngineError::RuntimeFolder { path: folder.to_owned(), source })
}

impl LockedFolder {
    /// Makes `parent/name`, with what the umask leaves of `mode`, and `parent` for this user alone where it is missing.
    /// Whoever finds it locked knows that its host is alive.
    pub(crate) fn create(parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        Self::create_within(parent, open, name, mode)
    }

    fn create_within(parent: &Path, open: Opening, name: &str, mode: u32) -> io::Result<Self> {
        let mut attempt = 0;
        loop {
            match Self::make(parent, open, name, mode) {
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

    fn make(parent: &Path, open: Opening, name: &str, mode: u32) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // What was looked at is what the folder is made in, whatever has the parent's name by then.
        let within = open(parent)?;
        mkdirat(&within, name, Mode::from_raw_mode(mode))?;
        let lock = File::from(openat(&within, name, FOLDER, Mode::empty())?);
        flock(&lock, FlockOperation::LockExclusive)?;
        // Gone, if another host took it for abandoned before it was locked.
        statat(&within, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Self { path: parent.join(name), stays: false, lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folders beside this one whose names are `prefix` and the id of a run, and whose hosts are dead.
    pub(crate) fn remove_abandoned(&self, prefix: &str) {
        let parent = self.path.parent().unwrap_or(&self.path);
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path == self.path || !is_of_run(&name, prefix) || !is_own_folder(&path) {
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
        // A container's user must get in, whatever the umask.
        let made = LockedFolder::create_within(parent, open_private, run_id, 0o755)
            .and_then(|folder| folder.lock.set_permissions(PermissionsExt::from_mode(0o755)).map(|()| folder));
        let folder = made.map_err(|source| {
            if source.get_ref().is_some_and(|cause| cause.is::<Unsafe>()) {
                return EngineError::RuntimeFolder { path: parent.to_owned(), source };
            }
            EngineError::Place { path: path.clone(), source }
        })?;
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

    /// Listens on the socket, for these peers. The parent folder is the host user's alone, which was looked at when this
    /// was made, and the one container it is mounted into has a user of its own.
    pub(crate) fn listen(&self, peers: Peers) -> Result<Listener, EngineError> {
        let socket = self.socket();
        let failed = |source| EngineError::Place { path: socket.clone(), source };
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).map_err(failed)?;
        Ok(Listener::new(listener, peers))
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

    /// A folder of a test, whose folder for runs is still missing.
    fn parent() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let parent = folder.path().join("runs");
        (folder, parent)
    }

    #[test]
    fn abandoned_folders_go_and_living_ones_stay() {
        let (_folder, parent) = parent();
        let living = Place::create(&parent, &new_run_id()).unwrap();
        let abandoned = parent.join(new_run_id());
        std::fs::create_dir(&abandoned).unwrap();
        let next = Place::create(&parent, &new_run_id()).unwrap();
        assert!(living.folder().exists());
        assert!(!abandoned.exists());
        drop(living);
        assert!(parent.exists());
        drop(next);
        assert!(!parent.exists());
    }

    #[test]
    fn what_others_have_beside_runs_is_never_taken_for_abandoned() {
        let (folder, parent) = parent();
        let id = new_run_id();
        let theirs = [
            "thesis",
            "longshore-1001",
            "longshore-my-thesis",
            "longshore-6615d9213371c-thesis",
            "longshore-6615D9213371C-ae28358b",
            &format!("longshore-{id}-copy"),
            &format!("Longshore-{id}"),
        ];
        for prefix in ["", TEMPORARY] {
            for name in theirs {
                std::fs::create_dir_all(parent.join(name)).unwrap();
            }
            let precious = folder.path().join("precious");
            std::fs::create_dir_all(&precious).unwrap();
            let link = parent.join(format!("{prefix}{}", new_run_id()));
            std::os::unix::fs::symlink(&precious, &link).unwrap();
            let own = LockedFolder::create(&parent, &format!("{prefix}{}", new_run_id()), 0o700).unwrap();
            let abandoned = parent.join(format!("{prefix}{}", new_run_id()));
            std::fs::create_dir(&abandoned).unwrap();
            own.remove_abandoned(prefix);
            assert!(!abandoned.exists() && precious.exists() && link.exists());
            for name in theirs {
                assert!(parent.join(name).exists(), "`{name}` is gone");
            }
        }
    }

    #[test]
    fn a_parent_that_others_may_enter_is_refused() {
        let (_folder, parent) = parent();
        for mode in [0o711, 0o770, 0o755, 0o1777] {
            std::fs::create_dir(&parent).unwrap();
            std::fs::set_permissions(&parent, PermissionsExt::from_mode(mode)).unwrap();
            let said = refused(&parent);
            assert!(said.contains(&format!("its mode is {mode:04o}: run `chmod 700` on it")), "{said}");
            std::fs::remove_dir(&parent).unwrap();
        }
        let place = Place::create(&parent, &new_run_id()).unwrap();
        check_parent(&parent).unwrap();
        drop(place);
        check_parent(&parent).unwrap();
    }

    #[test]
    fn a_parent_that_is_no_folder_is_refused() {
        let (folder, parent) = parent();
        let elsewhere = folder.path().join("elsewhere");
        DirBuilder::new().mode(0o700).create(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &parent).unwrap();
        assert!(refused(&parent).contains("it is not a folder"));
        std::fs::remove_file(&parent).unwrap();
        std::fs::write(&parent, "a file").unwrap();
        assert!(refused(&parent).contains("it is not a folder"));
        assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
    }

    /// What is said of a parent, by a run and by `longshore doctor`.
    fn refused(parent: &Path) -> String {
        let words = |error: EngineError| format!("{error}: {}", std::error::Error::source(&error).unwrap());
        let said = words(Place::create(parent, &new_run_id()).unwrap_err());
        assert_eq!(said, words(check_parent(parent).unwrap_err()));
        assert!(said.starts_with(&format!("cannot use `{}` for the sockets of runs: ", parent.display())), "{said}");
        said
    }

    #[test]
    fn runs_that_start_and_end_at_once_do_not_take_each_other_for_abandoned() {
        let (_folder, parent) = parent();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let parent = &parent;
                scope.spawn(move || {
                    for _ in 0..100 {
                        let place = Place::create(parent, &new_run_id()).unwrap();
                        assert!(place.folder().exists());
                    }
                });
            }
        });
        assert!(!parent.exists());
    }
}
