//! The target of a caller's path: a file to create or replace, by its folder and name, or a pipe or device to write to.
//! It is resolved once and held open, so that later changes by others have no effect. Links are followed if their maker
//! is trusted: the file behind them is replaced, and they stay.

use crate::folder::{Folder, by_number, walk};
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The target of a path.
#[derive(Debug, Clone)]
pub enum Destination {
    /// A file to create or replace.
    File(Place),
    /// A pipe or a device.
    Stream(Special),
}

/// A name in an open folder.
#[derive(Debug, Clone)]
pub struct Place {
    folder: Arc<Folder>,
    name: OsString,
    /// The links on the way.
    links: Vec<PathBuf>,
    /// Whether the folder can be reached by its path from the root: a folder above may be closed to this user.
    is_reachable: bool,
}

/// A pipe, a device or a process's open file. Holding it does not wake its reader.
#[derive(Debug, Clone)]
pub struct Special(Arc<OwnedFd>);

/// An existing file that will be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) mode: Mode,
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Destination {
    /// Resolves a path.
    ///
    /// # Errors
    /// Nothing can be written there: it is a folder, a socket, a block device, a loop of links, or a link of another
    /// user, or a folder is missing.
    pub fn of(path: &Path) -> io::Result<Self> {
        let walked = walk(path).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => refused("its symbolic links form a loop"),
            _ => error,
        })?;
        if let Some(found) = walked.found {
            match FileType::from_raw_mode(fstat(&found)?.st_mode) {
                FileType::Directory => return Err(refused("it is a folder")),
                FileType::Socket => return Err(refused("it is a socket")),
                FileType::BlockDevice => return Err(refused("it is a block device")),
                FileType::Fifo | FileType::CharacterDevice => return Ok(Self::Stream(Special(Arc::new(found)))),
                _ if walked.is_open_file => return Ok(Self::Stream(Special(Arc::new(found)))),
                _ => {}
            }
        }
        Ok(Self::File(Place { links: walked.links, ..Place::new(walked.folder, walked.name) }))
    }
}

impl Place {
    /// A name in a folder.
    pub(super) fn new(folder: Folder, name: OsString) -> Self {
        let is_reachable = folder.check().is_ok();
        Self { folder: Arc::new(folder), name, links: Vec::new(), is_reachable }
    }

    /// A name for a folder, and the folder of that name, if it exists.
    ///
    /// # Errors
    /// The name belongs to something else.
    pub fn of_folder(path: &Path) -> io::Result<(Self, Option<Folder>)> {
        let walked = walk(path)?;
        let found = walked.found.map(|found| match FileType::from_raw_mode(fstat(&found)?.st_mode) {
            FileType::Directory => Folder::of(found),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        });
        Ok((Self { links: walked.links, ..Self::new(walked.folder, walked.name) }, found.transpose()?))
    }

    /// The present file of this name.
    ///
    /// # Errors
    /// It may not be replaced.
    pub(crate) fn look(&self) -> io::Result<Option<Replaced>> {
        let replaced = |found: Stat| match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                Ok(Replaced { mode: Mode::from_raw_mode(found.st_mode), user: found.st_uid, group: found.st_gid })
            }
            _ => Err(refused("it was replaced by something that is not a file")),
        };
        self.folder.stat(&self.name)?.map(replaced).transpose()
    }

    /// Checks that its folder is still at the caller's path.
    pub fn check(&self) -> io::Result<()> {
        if self.is_reachable { self.folder.check() } else { Ok(()) }
    }

    /// The links on the way.
    pub fn links(&self) -> &[PathBuf] {
        &self.links
    }

    /// Its folder, shared with others.
    pub fn shared_folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    /// Its folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its path, without links, when it was resolved. Open nothing by this path.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// A file without a name on the same disk.
    pub fn scratch(&self) -> io::Result<File> {
        tempfile::tempfile_in(by_number(&*self.folder))
    }

    /// Its name there.
    pub fn name(&self) -> &OsStr {
        &self.name
    }
}

impl Special {
    /// Opens it for appending.
    pub fn append(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(open(self.path(), flags, Mode::empty())?))
    }

    /// The path of its descriptor, independent of its present path.
    pub fn path(&self) -> PathBuf {
        by_number(&*self.0)
    }
}

/// The parent folder of a path.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn refused(reason: &str) -> io::Error {
    io::Error::other(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    fn found(path: &Path) -> String {
        match Destination::of(path) {
            Ok(Destination::File(place)) => {
                let is_new = if place.look().unwrap().is_some() { "" } else { "new " };
                format!("{is_new}{}", place.path().display())
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
        assert_eq!(found(&at("around.csv")), "its symbolic links form a loop");
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
