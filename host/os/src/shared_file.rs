//! A file or folder of the machine that a container can see: it is held open from the check to the launch, so that it
//! cannot be replaced in between.

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, lstat};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A checked file or folder. Two are equal if they are the same file at the same path, for the same use.
#[derive(Debug, Clone)]
pub struct SharedFile {
    /// Its path, without links.
    pub path: PathBuf,
    /// Whether the script may write there.
    pub writable: bool,
    /// Its device and number, unique while it is open.
    identity: (u64, u64),
    /// Keeps it open.
    _opened: Arc<OwnedFd>,
}

impl PartialEq for SharedFile {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, self.writable, self.identity) == (&other.path, other.writable, other.identity)
    }
}

impl Eq for SharedFile {}

impl Hash for SharedFile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.path, self.writable, self.identity).hash(state);
    }
}

impl SharedFile {
    /// Opens a file or folder at a path without links. The inner error names its type if it is neither.
    pub fn open(path: PathBuf, writable: bool) -> io::Result<Result<Self, &'static str>> {
        let opened = rustix::fs::open(&path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let facts = fstat(&opened)?;
        let kind = match FileType::from_raw_mode(facts.st_mode) {
            // The engine needs paths in UTF-8.
            FileType::RegularFile | FileType::Directory if path.to_str().is_none() => "a path that is not UTF-8",
            FileType::RegularFile | FileType::Directory => {
                return Ok(Ok(Self { path, writable, identity: identity(&facts), _opened: Arc::new(opened) }));
            }
            FileType::Socket => "a socket",
            FileType::Fifo => "a pipe",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            FileType::Symlink => "a link that was created meanwhile",
            FileType::Unknown => "no file",
        };
        Ok(Err(kind))
    }

    /// Whether the same file is still at its path.
    pub fn is_in_place(&self) -> bool {
        self.is_at(&self.path)
    }

    fn is_at(&self, path: &Path) -> bool {
        lstat(path).is_ok_and(|there| identity(&there) == self.identity)
    }
}

fn identity(facts: &Stat) -> (u64, u64) {
    (facts.st_dev, facts.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    fn refused(path: &Path) -> &'static str {
        SharedFile::open(path.to_owned(), false).unwrap().unwrap_err()
    }

    #[test]
    fn only_files_and_folders_are_shared() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        for path in [at("file"), folder.path().to_owned()] {
            assert!(SharedFile::open(path, true).unwrap().unwrap().is_in_place());
        }
        let _listener = UnixListener::bind(at("socket")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RWXU).unwrap();
        symlink("file", at("link")).unwrap();
        let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
        std::fs::write(&odd, "").unwrap();
        assert_eq!(refused(&at("socket")), "a socket");
        assert_eq!(refused(&at("pipe")), "a pipe");
        assert_eq!(refused(Path::new("/dev/null")), "a device");
        assert_eq!(refused(&at("link")), "a link that was created meanwhile");
        assert_eq!(refused(&odd), "a path that is not UTF-8");
        assert!(SharedFile::open(at("nothing"), false).is_err());
    }

    #[test]
    fn what_takes_the_place_of_a_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        for (name, text) in [("a/file", "meant"), ("other", "not meant")] {
            std::fs::write(at(name), text).unwrap();
        }
        let held = SharedFile::open(at("a/file"), false).unwrap().unwrap();
        std::fs::write(at("a/file"), "written again").unwrap();
        assert!(held.is_in_place());
        // A link, a file of the same name, another folder above it, and nothing.
        std::fs::rename(at("a/file"), at("a/kept")).unwrap();
        symlink(at("other"), at("a/file")).unwrap();
        assert!(!held.is_in_place());
        std::fs::remove_file(at("a/file")).unwrap();
        std::fs::write(at("a/file"), "meant").unwrap();
        assert!(!held.is_in_place());
        std::fs::remove_file(at("a/file")).unwrap();
        assert!(!held.is_in_place());
        std::fs::rename(at("a/kept"), at("a/file")).unwrap();
        assert!(held.is_in_place());
        std::fs::rename(at("a"), at("b")).unwrap();
        std::fs::create_dir(at("c")).unwrap();
        std::fs::write(at("c/file"), "").unwrap();
        symlink("c", at("a")).unwrap();
        assert!(!held.is_in_place());
    }
}
