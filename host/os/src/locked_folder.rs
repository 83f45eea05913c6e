//! Longshore's folders among others: each contains a marker file that is locked while its creator lives. By it a later
//! host recognizes what a killed host left behind, and removes it. Folders without a marker belong to others, and are
//! kept.
//!
//! The locked file is open for writing, since NFS honours no other lock (`flock(2)`).

use crate::folder::Folder;
use longshore_model::run_id::new_run_id;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The prefix of folders that are created among those of others.
pub const TEMPORARY: &str = "longshore-";

/// The file that marks a folder as Longshore's.
const LOCK: &str = ".longshore-lock";

/// Its contents, as an explanation for users.
const MARK: &[u8] = b"longshore made this folder, and removes it once this file is no longer locked.\n";

/// Attempts at creating a folder while other hosts take it for abandoned.
const ATTEMPTS: usize = 100;

/// Flags to open folders.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Flags to open locks. They do not wait for a FIFO with a lock's name.
const LOCKING: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A folder that is locked during the lifetime of this value, and removed when it is dropped, unless [`Self::stay`] was
/// called.
#[derive(Debug)]
pub struct LockedFolder {
    path: PathBuf,
    stays: bool,
    within: Arc<Folder>,
    name: OsString,
    folder: Folder,
    _lock: File,
}

impl LockedFolder {
    /// Creates `parent/name`, with `mode` less the umask, and `parent`, if missing, for this user alone.
    pub fn create(parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Self::create_in(&Arc::new(Folder::open(parent)?), parent, name, mode)
    }

    /// The same in an open folder, whatever is at its path now.
    pub fn create_in(within: &Arc<Folder>, parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        let mut attempt = 0;
        loop {
            match Self::make(within, parent, name, mode) {
                // Another host took it for abandoned before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                made => return made,
            }
        }
    }

    fn make(within: &Arc<Folder>, parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        let folder = within.make_folder(OsStr::new(name), mode)?;
        let own = Mode::RUSR | Mode::WUSR;
        let mut lock = File::from(openat(&folder, LOCK, LOCKING | OFlags::CREATE | OFlags::EXCL, own)?);
        // Waits while another host checks it, or until a host that took it for abandoned has removed it.
        flock(&lock, FlockOperation::LockExclusive)?;
        if within.stat(OsStr::new(name))?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        lock.write_all(MARK)?;
        let (path, name, within) = (parent.join(name), name.into(), Arc::clone(within));
        Ok(Self { path, stays: false, within, name, folder, _lock: lock })
    }

    /// Creates a folder for the files of programs that this process calls. If the host is killed, the next run of the
    /// `process` engine finds it abandoned.
    pub fn temporary(parent: &Path) -> io::Result<Self> {
        Self::create(parent, &format!("{TEMPORARY}{}", new_run_id()), 0o700)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself, for operations that do not depend on its path.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Creates a folder in it, for this user alone.
    pub fn subfolder(&self, name: &str) -> io::Result<OwnedFd> {
        mkdirat(&self.folder, name, Mode::RWXU)?;
        Ok(openat(&self.folder, name, FOLDER, Mode::empty())?)
    }

    /// Removes the sibling folders whose names are `prefix` and a run id, and whose hosts are dead.
    pub fn remove_abandoned(&self, prefix: &str) {
        remove_abandoned_in(&self.within, prefix);
    }

    /// Keeps the folder when this is dropped, unlocked.
    pub fn stay(&mut self) {
        self.stays = true;
    }
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        // A folder that cannot be removed now is found abandoned by the next run.
        let _ = if self.stays { Ok(()) } else { remove(&self.within, &self.name, &self.folder) };
    }
}

/// Whether a folder is locked; false if it does not exist.
pub fn is_locked(path: &Path) -> bool {
    let Ok(folder) = rustix::fs::open(path, FOLDER, Mode::empty()) else { return false };
    open_lock(&folder).is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

/// Removes a folder that is not locked; the caller must know that it is Longshore's. Returns whether it is gone.
pub fn remove_unlocked(path: &Path) -> io::Result<bool> {
    let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let opened = Folder::open(crate::publish::folder(path)).and_then(|within| Ok((within.folder(name)?, within)));
    let (folder, within) = match opened {
        Err(error) if absent(&error) => return Ok(true),
        opened => opened?,
    };
    let lock = match open_lock(&folder) {
        Err(error) if !absent(&error) => return Err(error),
        lock => lock.ok(),
    };
    if lock.as_ref().is_some_and(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_err()) {
        return Ok(false);
    }
    remove(&within, name, &folder).map(|()| true)
}

/// Removes the folders in `parent` whose names are `prefix` and a run id, that have a marker, and whose creators are
/// dead. A folder that cannot be removed now is found again by the next run.
pub fn remove_abandoned(parent: &Path, prefix: &str) {
    if let Ok(within) = Folder::open(parent) {
        remove_abandoned_in(&within, prefix);
    }
}

fn remove_abandoned_in(within: &Folder, prefix: &str) {
    for name in within.names().into_iter().flatten() {
        if is_of_run(&name, prefix) {
            let _ = remove_if_abandoned(within, &name);
        }
    }
}

fn remove_if_abandoned(within: &Folder, name: &OsStr) -> io::Result<()> {
    let folder = within.folder(name)?;
    if fstat(&folder)?.st_uid != own_user() {
        return Ok(());
    }
    match open_lock(&folder) {
        Ok(lock) => {
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            remove(within, name, &folder)
        }
        // Its creator was killed before it created the marker. An empty folder is removed; any other is kept.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(unlinkat(within, name, AtFlags::REMOVEDIR)?),
        Err(error) => Err(error),
    }
}

/// Opens the marker of a folder. A marker of another user, or one that is not a file, does not count.
fn open_lock(folder: impl AsFd) -> io::Result<File> {
    let lock = openat(folder, LOCK, LOCKING, Mode::empty())?;
    let found = fstat(&lock)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && found.st_uid == own_user() {
        return Ok(File::from(lock));
    }
    Err(io::Error::from(io::ErrorKind::PermissionDenied))
}

/// Removes a folder, its marker last, so that the rest stays marked if this is killed or another process still writes
/// there.
fn remove(within: &Folder, name: &OsStr, folder: &Folder) -> io::Result<()> {
    folder.empty(Some(LOCK))?;
    match unlinkat(folder, LOCK, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let removed = if within.identity_of(name)? == Some(folder.identity()?) {
        unlinkat(within, name, AtFlags::REMOVEDIR)
    } else {
        Err(Errno::NOENT)
    };
    Ok(removed.inspect_err(|_| {
        // Marks it again, for the next cleanup.
        let _ = openat(folder, LOCK, LOCKING | OFlags::CREATE, Mode::RUSR | Mode::WUSR);
    })?)
}

/// Whether a name is `prefix` and a run id.
fn is_of_run(name: &OsStr, prefix: &str) -> bool {
    let id = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split_once('-'));
    let is_number = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Microseconds since 1970 have 13 digits from 1996 to 2112.
    id.is_some_and(|(time, random)| time.len() == 13 && random.len() == 8 && is_number(time) && is_number(random))
}

/// The user id of this host.
#[must_use]
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// What a killed host leaves: a folder with an unlocked marker, and something in it.
    fn abandon(parent: &Path, name: &str) -> PathBuf {
        let mut folder = LockedFolder::create(parent, name, 0o700).unwrap();
        std::fs::create_dir_all(folder.path().join("work/deep")).unwrap();
        std::fs::write(folder.path().join("work/deep/file"), "left").unwrap();
        folder.stay();
        folder.path().to_owned()
    }

    #[test]
    fn what_others_have_beside_ours_is_never_taken_for_abandoned() {
        let folder = tempfile::tempdir().unwrap();
        let parent = folder.path().join("folders");
        let id = new_run_id();
        let names = [
            "thesis",
            "longshore-1001",
            "longshore-my-thesis",
            "longshore-6615d9213371c-thesis",
            "longshore-6615D9213371C-ae28358b",
            &format!("longshore-{id}-copy"),
            &format!("Longshore-{id}"),
        ];
        for prefix in ["", TEMPORARY] {
            let living = LockedFolder::create(&parent, &format!("{prefix}{}", new_run_id()), 0o700).unwrap();
            let mut theirs: Vec<PathBuf> = names.iter().map(|name| parent.join(name)).collect();
            // A run's name is not enough, nor is a marker below another name.
            theirs.push(parent.join(format!("{prefix}{}", new_run_id())));
            for path in &theirs {
                std::fs::create_dir_all(path).unwrap();
                std::fs::write(path.join("precious"), "").unwrap();
            }
            theirs.push(abandon(&parent, &format!("{prefix}thesis-{}", new_run_id())));
            // A link to a marked folder, a marker that is not a file, and one that links elsewhere.
            let marked = abandon(folder.path(), &format!("marked-{}", new_run_id()));
            let link = parent.join(format!("{prefix}{}", new_run_id()));
            std::os::unix::fs::symlink(&marked, &link).unwrap();
            theirs.extend([marked.clone(), link]);
            for kind in ["folder", "link"] {
                let path = parent.join(format!("{prefix}{}", new_run_id()));
                std::fs::create_dir(&path).unwrap();
                match kind {
                    "folder" => std::fs::create_dir(path.join(LOCK)).unwrap(),
                    _ => std::os::unix::fs::symlink(marked.join(LOCK), path.join(LOCK)).unwrap(),
                }
                theirs.push(path);
            }
            let abandoned = abandon(&parent, &format!("{prefix}{}", new_run_id()));
            let unmarked = parent.join(format!("{prefix}{}", new_run_id()));
            std::fs::create_dir(&unmarked).unwrap();
            living.remove_abandoned(prefix);
            assert!(!abandoned.exists() && !unmarked.exists() && living.path().exists());
            for path in theirs {
                assert!(std::fs::symlink_metadata(&path).is_ok(), "`{}` is gone", path.display());
            }
            drop(living);
            std::fs::remove_dir_all(&parent).unwrap();
        }
    }

    #[test]
    fn what_another_user_made_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = abandon(parent.path(), &new_run_id());
        // Only root can change owners.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(path.join(LOCK), Some(4356), None).unwrap();
            remove_abandoned(parent.path(), "");
            assert!(path.exists());
            std::os::unix::fs::chown(path.join(LOCK), Some(0), None).unwrap();
            std::os::unix::fs::chown(&path, Some(4356), None).unwrap();
            remove_abandoned(parent.path(), "");
            assert!(path.exists());
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }
        remove_abandoned(parent.path(), "");
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_removed_yet_keeps_its_mark() {
        let parent = tempfile::tempdir().unwrap();
        let path = abandon(parent.path(), &new_run_id());
        // It was moved away, and something else has its name.
        let (within, name) = (Folder::open(parent.path()).unwrap(), path.file_name().unwrap());
        let folder = within.folder(name).unwrap();
        std::fs::create_dir(parent.path().join("else")).unwrap();
        assert!(remove(&within, OsStr::new("else"), &folder).is_err());
        assert!(path.join(LOCK).exists());
        remove_abandoned(parent.path(), "");
        assert!(!path.exists() && parent.path().join("else").exists());
    }

    #[test]
    fn folders_that_a_script_closed_go_too() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LockedFolder::create(parent.path(), &new_run_id(), 0o700).unwrap();
        let closed = folder.path().join("a/b");
        std::fs::create_dir_all(closed.join("c")).unwrap();
        for path in [&closed, &folder.path().join("a")] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap();
        }
        drop(folder);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_is_seen_until_its_folder_stays_or_goes() {
        let parent = tempfile::tempdir().unwrap();
        let mut folder = LockedFolder::create(parent.path(), "runs", 0o700).unwrap();
        let path = folder.path().to_owned();
        assert!(is_locked(&path));
        assert!(!remove_unlocked(&path).unwrap());
        folder.stay();
        drop(folder);
        assert!(!is_locked(&path) && path.exists());
        assert!(remove_unlocked(&path).unwrap());
        assert!(!path.exists() && !is_locked(&path));
        assert!(remove_unlocked(&path).unwrap());
    }

    #[test]
    fn folders_that_are_made_and_swept_at_once_are_there_for_their_makers() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let folder = LockedFolder::create(parent.path(), &new_run_id(), 0o700).unwrap();
                        folder.remove_abandoned("");
                        assert!(is_locked(folder.path()));
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
