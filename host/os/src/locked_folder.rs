//! Folders of ours among those of others: each has a file in it that marks it as ours, and that is locked while its maker
//! lives. Whoever comes later can tell by it what a killed host left behind, and remove it. What has no such file is
//! somebody's, and stays.
//!
//! The lock is that of a file which is open for writing, since NFS honours no other (`flock(2)`).

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

/// What the names of folders begin with that are made among those of others.
pub const TEMPORARY: &str = "longshore-";

/// The file that marks a folder as ours.
const LOCK: &str = ".longshore-lock";

/// What is in it, for who wonders.
const MARK: &[u8] = b"longshore made this folder, and removes it once this file is no longer locked.\n";

/// Attempts at creating a folder while others take it for abandoned.
const ATTEMPTS: usize = 100;

/// How folders are opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How locks are opened. A FIFO with a lock's name holds nobody up.
const LOCKING: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A folder that is locked for as long as this lives, and removed when it is dropped, unless it is to stay.
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
    /// Makes `parent/name`, with what the umask leaves of `mode`, and `parent` for this user alone where it is missing.
    pub fn create(parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(parent) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Self::create_in(&Arc::new(Folder::open(parent)?), parent, name, mode)
    }

    /// The same in a folder that is open, whatever has its path by now.
    pub fn create_in(within: &Arc<Folder>, parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        let mut attempt = 0;
        loop {
            match Self::make(within, parent, name, mode) {
                // Another host has just taken it for abandoned, before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                made => return made,
            }
        }
    }

    fn make(within: &Arc<Folder>, parent: &Path, name: &str, mode: u32) -> io::Result<Self> {
        let folder = within.make_folder(OsStr::new(name), mode)?;
        let own = Mode::RUSR | Mode::WUSR;
        let mut lock = File::from(openat(&folder, LOCK, LOCKING | OFlags::CREATE | OFlags::EXCL, own)?);
        // Waits for somebody's glance at it, or until another host that took it for abandoned has removed it.
        flock(&lock, FlockOperation::LockExclusive)?;
        if within.stat(OsStr::new(name))?.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        lock.write_all(MARK)?;
        let (path, name, within) = (parent.join(name), name.into(), Arc::clone(within));
        Ok(Self { path, stays: false, within, name, folder, _lock: lock })
    }

    /// Makes a folder for what programs leave that are called for this process alone. Where the host is killed, the next
    /// run of the `process` engine finds it abandoned.
    pub fn temporary(parent: &Path) -> io::Result<Self> {
        Self::create(parent, &format!("{TEMPORARY}{}", new_run_id()), 0o700)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself, for what is done in it whatever has its path.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Makes a folder in it, for this user alone.
    pub fn subfolder(&self, name: &str) -> io::Result<OwnedFd> {
        mkdirat(&self.folder, name, Mode::RWXU)?;
        Ok(openat(&self.folder, name, FOLDER, Mode::empty())?)
    }

    /// Removes the folders beside this one whose names are `prefix` and the id of a run, and whose hosts are dead.
    pub fn remove_abandoned(&self, prefix: &str) {
        remove_abandoned_in(&self.within, prefix);
    }

    /// Has the folder stay when this is dropped, unlocked.
    pub fn stay(&mut self) {
        self.stays = true;
    }
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        // What cannot be removed now is abandoned, and found by the next run.
        let _ = if self.stays { Ok(()) } else { remove(&self.within, &self.name, &self.folder) };
    }
}

/// Whether somebody holds a folder's lock. Where nothing is nobody does.
pub fn is_locked(path: &Path) -> bool {
    let Ok(folder) = rustix::fs::open(path, FOLDER, Mode::empty()) else { return false };
    open_lock(&folder).is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

/// Removes a folder that nobody holds locked; who calls this knows that it is ours. Says whether it is gone.
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

/// Removes the folders in `parent` whose names are `prefix` and the id of a run, which are marked as ours, and whose makers
/// are dead. One that cannot be removed now is found again by the next run.
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
        // Its maker was killed before it marked it. Nothing is lost with one that is empty, and no other goes.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(unlinkat(within, name, AtFlags::REMOVEDIR)?),
        Err(error) => Err(error),
    }
}

/// The file that marks a folder. One that is another user's, or no file, is no mark.
fn open_lock(folder: impl AsFd) -> io::Result<File> {
    let lock = openat(folder, LOCK, LOCKING, Mode::empty())?;
    let found = fstat(&lock)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && found.st_uid == own_user() {
        return Ok(File::from(lock));
    }
    Err(io::Error::from(io::ErrorKind::PermissionDenied))
}

/// Removes a folder, its mark last: what is left by a kill, or by somebody who still writes there, is marked.
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
        // Marked again, for the next one who looks.
        let _ = openat(folder, LOCK, LOCKING | OFlags::CREATE, Mode::RUSR | Mode::WUSR);
    })?)
}

/// Whether a name is `prefix` and the id of a run.
fn is_of_run(name: &OsStr, prefix: &str) -> bool {
    let id = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split_once('-'));
    let is_number = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Microseconds since 1970 have 13 digits from 1996 to 2112.
    id.is_some_and(|(time, random)| time.len() == 13 && random.len() == 8 && is_number(time) && is_number(random))
}

/// The user that this host runs as.
#[must_use]
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// What a killed host leaves: a folder with its mark, which nobody holds locked, and something in it.
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
            // A name as a run's is not enough, nor is our mark below another name.
            theirs.push(parent.join(format!("{prefix}{}", new_run_id())));
            for path in &theirs {
                std::fs::create_dir_all(path).unwrap();
                std::fs::write(path.join("precious"), "").unwrap();
            }
            theirs.push(abandon(&parent, &format!("{prefix}thesis-{}", new_run_id())));
            // A link to what is marked, a mark that is no file, and one that leads elsewhere.
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
        // Only root can give something away.
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
        // It has been moved away, and something else has its name.
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
