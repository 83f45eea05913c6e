//! The private folder of run directories: below the runtime folder, which may belong to the machine, a service or the
//! user, and is not changed. Owner and mode of existing folders are checked, since another user who could put a socket
//! there could impersonate a run's agent.

use crate::EngineError;
use longshore_os::folder::Folder;
use longshore_os::locked_folder::own_user;
use rustix::fs::{Mode, OFlags, fstat, mkdirat, openat};
use rustix::io::Errno;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Name of the folder.
pub(super) const NAME: &str = "runs";

/// How folders are opened that this user may not be allowed to read. Links are not followed: they may belong to anyone.
const OPENING: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Why a folder cannot hold the sockets of runs.
#[derive(Debug, Error, PartialEq, Eq)]
enum Unsafe {
    /// Its owner could replace the folder of run directories.
    #[error(
        "it belongs to the user {owner} and not to {user}: have it removed, or set `XDG_RUNTIME_DIR` to a folder of your own"
    )]
    Foreign { owner: u32, user: u32 },
    /// Other users could replace the folder of run directories.
    #[error("others may write to it, since its mode is {mode:04o}: run `chmod go-w` on it")]
    Writable { mode: u32 },
    /// Others could connect to the socket of a run.
    #[error("others may enter it, since its mode is {mode:04o}: run `chmod 700` on it")]
    Open { mode: u32 },
    /// A link, or a file.
    #[error("it is not a folder: remove it, or set `XDG_RUNTIME_DIR` to a folder of your own")]
    NoFolder,
}

/// The folder of run directories, open.
#[derive(Debug)]
pub(super) struct RunsFolder {
    pub(super) path: PathBuf,
    pub(super) opened: Arc<Folder>,
}

impl RunsFolder {
    /// Opens it; creates it and the runtime folder if they are missing. Neither is ever removed: an existing folder
    /// cannot be created by another user.
    pub(super) fn open(runtime_folder: &Path) -> Result<Self, EngineError> {
        match DirBuilder::new().mode(0o700).create(runtime_folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(unusable(runtime_folder, error));
            }
            _ => {}
        }
        let above = open_runtime_folder(runtime_folder).map_err(|source| unusable(runtime_folder, source))?;
        let path = runtime_folder.join(NAME);
        match mkdirat(&above, NAME, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(unusable(&path, error.into())),
        }
        let opened = open_runs(&above).and_then(Folder::of).map_err(|source| unusable(&path, source))?;
        let opened = Arc::new(opened);
        Ok(Self { path, opened })
    }
}

/// Checks whether runs can have their directories below a runtime folder. A missing folder is fine if a run could
/// create it.
pub(crate) fn check_runtime_folder(folder: &Path) -> Result<(), EngineError> {
    let can_make_in = |folder: &Path| rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).map_err(io::Error::from);
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match open_runtime_folder(folder) {
        Err(error) if missing(&error) => can_make_in(folder.parent().unwrap_or(folder)),
        Err(error) => Err(error),
        Ok(above) => match open_runs(&above) {
            Err(error) if missing(&error) => can_make_in(folder),
            opened => return opened.map(drop).map_err(|source| unusable(&folder.join(NAME), source)),
        },
    }
    .map_err(|source| unusable(folder, source))
}

fn unusable(path: &Path, source: io::Error) -> EngineError {
    EngineError::RuntimeFolder { path: path.to_owned(), source }
}

/// Opens the runtime folder: the machine's or this user's, in which no other user can replace folders.
fn open_runtime_folder(folder: &Path) -> io::Result<OwnedFd> {
    let opened = no_link(rustix::fs::open(folder, OPENING, Mode::empty()))?;
    let (owner, mode) = owner_and_mode(&opened)?;
    let is_writable = mode.intersects(Mode::WGRP | Mode::WOTH);
    if owner != 0 || is_writable {
        owned(owner)?;
    }
    if is_writable {
        return Err(io::Error::other(Unsafe::Writable { mode: mode.bits() }));
    }
    Ok(opened)
}

/// Opens the folder of run directories: this user's, which no other user may enter.
fn open_runs(above: &OwnedFd) -> io::Result<OwnedFd> {
    let opened = no_link(openat(above, NAME, OPENING, Mode::empty()))?;
    let (owner, mode) = owner_and_mode(&opened)?;
    owned(owner)?;
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Err(io::Error::other(Unsafe::Open { mode: mode.bits() }));
    }
    Ok(opened)
}

fn no_link(opened: Result<OwnedFd, Errno>) -> io::Result<OwnedFd> {
    match opened {
        Err(Errno::LOOP | Errno::NOTDIR) => Err(io::Error::other(Unsafe::NoFolder)),
        opened => Ok(opened?),
    }
}

fn owner_and_mode(opened: &OwnedFd) -> io::Result<(u32, Mode)> {
    let found = fstat(opened.as_fd())?;
    Ok((found.st_uid, Mode::from_raw_mode(found.st_mode)))
}

fn owned(owner: u32) -> io::Result<()> {
    let user = own_user();
    if owner == user { Ok(()) } else { Err(io::Error::other(Unsafe::Foreign { owner, user })) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    /// A missing runtime folder.
    fn missing() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let runtime_folder = folder.path().join("run of ü");
        (folder, runtime_folder)
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// The errors about a runtime folder, in a run and in `longshore doctor`.
    fn refused(runtime_folder: &Path) -> String {
        let words = |error: EngineError| format!("{error}: {}", std::error::Error::source(&error).unwrap());
        let said = words(RunsFolder::open(runtime_folder).unwrap_err());
        assert_eq!(said, words(check_runtime_folder(runtime_folder).unwrap_err()));
        said
    }

    #[test]
    fn a_missing_folder_is_made_for_this_user_alone() {
        let (_folder, runtime_folder) = missing();
        check_runtime_folder(&runtime_folder).unwrap();
        let runs = RunsFolder::open(&runtime_folder).unwrap();
        assert_eq!(runs.path, runtime_folder.join("runs"));
        assert_eq!((mode(&runtime_folder), mode(&runs.path)), (0o700, 0o700));
        check_runtime_folder(&runtime_folder).unwrap();
        RunsFolder::open(&runtime_folder).unwrap();
    }

    #[test]
    fn a_folder_of_a_service_is_taken_as_it_is() {
        let (_folder, runtime_folder) = missing();
        // As systemd makes them.
        for given in [0o755, 0o700, 0o750, 0o711, 0o2755] {
            std::fs::create_dir(&runtime_folder).unwrap();
            set_mode(&runtime_folder, given);
            check_runtime_folder(&runtime_folder).unwrap();
            let runs = RunsFolder::open(&runtime_folder).unwrap();
            assert_eq!((mode(&runtime_folder), mode(&runs.path) & 0o777), (given, 0o700));
            std::fs::remove_dir_all(&runtime_folder).unwrap();
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let (_folder, runtime_folder) = missing();
        std::fs::create_dir(&runtime_folder).unwrap();
        for mode in [0o770, 0o775, 0o777, 0o1777] {
            set_mode(&runtime_folder, mode);
            let start = format!("cannot use `{}` for the sockets of runs: ", runtime_folder.display());
            let why = format!("others may write to it, since its mode is {mode:04o}: run `chmod go-w` on it");
            assert_eq!(refused(&runtime_folder), start + &why);
        }
        assert_eq!(std::fs::read_dir(&runtime_folder).unwrap().count(), 0);
    }

    #[test]
    fn our_folder_is_refused_where_others_may_enter_it() {
        let (_folder, runtime_folder) = missing();
        let runs = RunsFolder::open(&runtime_folder).unwrap().path;
        for mode in [0o711, 0o770, 0o755, 0o777] {
            set_mode(&runs, mode);
            let said = refused(&runtime_folder);
            assert!(said.starts_with(&format!("cannot use `{}` for", runs.display())), "{said}");
            assert!(said.ends_with(&format!("since its mode is {mode:04o}: run `chmod 700` on it")), "{said}");
        }
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let (folder, runtime_folder) = missing();
        let elsewhere = folder.path().join("elsewhere");
        DirBuilder::new().mode(0o700).create(&elsewhere).unwrap();
        for name in ["", NAME] {
            let squatted = if name.is_empty() { runtime_folder.clone() } else { runtime_folder.join(name) };
            std::os::unix::fs::symlink(&elsewhere, &squatted).unwrap();
            assert!(refused(&runtime_folder).contains("it is not a folder"));
            std::fs::remove_file(&squatted).unwrap();
            std::fs::write(&squatted, "a file").unwrap();
            assert!(refused(&runtime_folder).contains("it is not a folder"));
            std::fs::remove_file(&squatted).unwrap();
            let _ = std::fs::create_dir(&runtime_folder);
        }
        assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn folders_of_other_users_are_refused() {
        let (_folder, runtime_folder) = missing();
        let runs = RunsFolder::open(&runtime_folder).unwrap().path;
        // Only root can change a file's owner.
        if own_user() == 0 {
            for squatted in [&runs, &runtime_folder] {
                std::os::unix::fs::chown(squatted, Some(4356), None).unwrap();
                let said = refused(&runtime_folder);
                assert!(said.starts_with(&format!("cannot use `{}` for", squatted.display())), "{said}");
                assert!(said.contains("it belongs to the user 4356 and not to 0"), "{said}");
                std::os::unix::fs::chown(squatted, Some(0), None).unwrap();
            }
        }
        assert!(owned(own_user() + 1).is_err());
    }
}
