//! What a path of a caller's leads to: a file to make or replace, by its folder and its name there, or a pipe or device
//! to write to. Links are followed as who made them means: the file behind them is replaced, and they stay.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, PROC_SUPER_MAGIC, fsync, open, stat, statat, statfs};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Links that are followed, as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A file to make or replace.
    File(Place),
    /// A pipe or a device, to be opened by its path.
    Stream(PathBuf),
}

/// A name in a folder that is open.
#[derive(Debug)]
pub(crate) struct Place {
    folder: OwnedFd,
    name: OsString,
    /// Whether the folder could be opened to be read, which syncing it needs.
    can_sync: bool,
    replaced: Option<Replaced>,
}

/// A file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) mode: Mode,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Destination {
    /// Looks at a path.
    ///
    /// # Errors
    /// Where nothing can be put there: a folder, a socket, a disk, a loop of links, a folder that is missing.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let found = match stat(path) {
            Ok(found) => Some(FileType::from_raw_mode(found.st_mode)),
            // A link that leads nowhere yet makes what it leads to.
            Err(Errno::NOENT) => None,
            Err(Errno::LOOP) => return Err(refused("its links lead in a circle")),
            Err(errno) => return Err(errno.into()),
        };
        match found {
            Some(FileType::Directory) => return Err(refused("it is a folder")),
            Some(FileType::Socket) => return Err(refused("it is a socket")),
            Some(FileType::BlockDevice) => return Err(refused("it is a disk")),
            Some(FileType::Fifo | FileType::CharacterDevice) => return Ok(Self::Stream(path.to_owned())),
            _ => {}
        }
        let mut end = path.to_owned();
        for _ in 0..=LINKS_MAX {
            match std::fs::read_link(&end) {
                // What a process has open, such as `/dev/stdout`: it is that file, whatever its name is now.
                Ok(_) if is_of_proc(folder(&end)) => return Ok(Self::Stream(path.to_owned())),
                Ok(next) => end = folder(&end).join(next),
                Err(_) => return Place::of(&end).map(Self::File),
            }
        }
        Err(refused("its links lead in a circle"))
    }
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| refused("it has no name of a file"))?.to_owned();
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = match open(folder(path), flags | OFlags::RDONLY, Mode::empty()) {
            // Who may not list a folder may still write there.
            Err(Errno::ACCESS) => (open(folder(path), flags | OFlags::PATH, Mode::empty())?, false),
            opened => (opened?, true),
        };
        let mut place = Self { folder: opened.0, name, can_sync: opened.1, replaced: None };
        place.replaced = place.look()?;
        Ok(place)
    }

    /// What is there now under the name.
    ///
    /// # Errors
    /// Where it may not be replaced.
    pub(crate) fn look(&self) -> io::Result<Option<Replaced>> {
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {
                Ok(Some(Replaced { mode: Mode::from_raw_mode(found.st_mode), user: found.st_uid, group: found.st_gid }))
            }
            Ok(_) => Err(refused("something that is not a file has taken its place meanwhile")),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The path that it has now, without links.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        let folder = std::fs::read_link(format!("/proc/self/fd/{}", self.folder.as_raw_fd()))?;
        Ok(folder.join(&self.name))
    }

    /// Its name there.
    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The file that was there when it was looked at.
    pub(crate) fn replaced(&self) -> Option<Replaced> {
        self.replaced
    }

    /// Writes the folder's names down to the disk. File systems that cannot do it for folders have done it already.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match fsync(&self.folder) {
            Err(Errno::INVAL | Errno::BADF) if !self.can_sync => Ok(()),
            Err(Errno::INVAL) => Ok(()),
            synced => Ok(synced?),
        }
    }
}

/// The folder of a path.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_of_proc(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC)
}

fn refused(reason: &str) -> io::Error {
    io::Error::other(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn found(path: &Path) -> String {
        match Destination::of(path) {
            Ok(Destination::File(place)) => {
                let is_new = if place.replaced.is_some() { "" } else { "new " };
                format!("{is_new}{}", place.path().unwrap().display())
            }
            Ok(Destination::Stream(_)) => "stream".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn links_lead_to_the_file_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let at = |name: &str| root.join(name);
        std::fs::create_dir(at("data")).unwrap();
        std::fs::write(at("data/x.csv"), "").unwrap();
        symlink("data/x.csv", at("link.csv")).unwrap();
        symlink(at("link.csv"), at("twice.csv")).unwrap();
        symlink("data/new.csv", at("dangling.csv")).unwrap();
        symlink("data", at("folder")).unwrap();
        symlink("around.csv", at("around.csv")).unwrap();
        symlink("nowhere/x.csv", at("lost.csv")).unwrap();
        let file = at("data/x.csv").display().to_string();
        for name in ["data/x.csv", "link.csv", "twice.csv", "folder/x.csv"] {
            assert_eq!(found(&at(name)), file, "{name}");
        }
        assert_eq!(found(&at("dangling.csv")), format!("new {}", at("data/new.csv").display()));
        assert_eq!(found(&at("folder/y.csv")), format!("new {}", at("data/y.csv").display()));
        assert_eq!(found(&at("around.csv")), "its links lead in a circle");
        assert_eq!(found(&at("folder")), "it is a folder");
        assert!(found(&at("lost.csv")).starts_with("No such file"));
    }

    #[test]
    fn what_is_no_file_is_written_to_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        symlink("pipe", at("to-pipe.csv")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(found(&at("pipe")), "stream");
        assert_eq!(found(&at("to-pipe.csv")), "stream");
        assert_eq!(found(Path::new("/dev/null")), "stream");
        assert_eq!(found(Path::new("/dev/stdin")), "stream");
        assert_eq!(found(&at("socket")), "it is a socket");
    }

    #[test]
    fn a_file_that_a_process_has_open_is_written_to() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = format!("/proc/self/fd/{}", file.as_file().as_raw_fd());
        assert_eq!(found(Path::new(&own)), "stream");
    }
}
