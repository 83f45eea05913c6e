//! An open folder and the operations in it: a caller's files are created, named, compared and removed by single names
//! below a descriptor. If another process moves the folder or puts a link in its place, the opened folder stays the
//! same. `walk.rs` follows paths.

pub mod walk;

pub use walk::{links_to, walk};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, chmod, fstat, fsync, mkdirat, openat,
    openat2, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Flags to hold a folder without reading it.
const HELD: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Flags to open a folder for reading and syncing.
const READ: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Rules for paths below a folder: they may not leave it, follow a link, or enter another file system.
const BELOW: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_XDEV);

/// Identifies a file while it is open or has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The file system's number, valid until the machine restarts.
    pub(crate) device: u64,
    /// The file's number in that file system.
    pub(crate) number: u64,
}

impl Identity {
    /// The identity of an open file.
    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(fstat(file)?.into())
    }
}

impl From<Stat> for Identity {
    fn from(found: Stat) -> Self {
        Self { device: found.st_dev, number: found.st_ino }
    }
}

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    opened: OwnedFd,
    /// Its path, without links, when it was opened.
    path: PathBuf,
    /// Whether it could be opened for reading, which listing and syncing need.
    can_read: bool,
}

impl Folder {
    /// Opens a folder, following links this once.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_exactly(&std::fs::canonicalize(path)?)
    }

    /// Opens the folder at a path without links. A link is an error.
    pub(crate) fn open_exactly(path: &Path) -> io::Result<Self> {
        let root = rustix::fs::open("/", HELD, Mode::empty())?;
        let within = path.strip_prefix("/").map_err(io::Error::other)?;
        let held =
            if within == Path::new("") { root } else { resolve(&root, within, HELD, ResolveFlags::NO_SYMLINKS)? };
        Self::of(held)
    }

    /// Wraps a folder that is already open.
    pub fn of(held: OwnedFd) -> io::Result<Self> {
        let (opened, can_read) = match openat(&held, ".", READ, Mode::empty()) {
            Ok(opened) => (opened, true),
            // A user who may not list a folder may still write to it.
            Err(Errno::ACCESS) => (held, false),
            Err(errno) => return Err(errno.into()),
        };
        let path = std::fs::read_link(by_number(&opened))?;
        Ok(Self { opened, path, can_read })
    }

    /// Its path, without links, when it was opened. Open nothing by this path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's identity.
    pub fn identity(&self) -> io::Result<Identity> {
        Identity::of(&self.opened)
    }

    /// Checks that it is still at its path.
    ///
    /// # Errors
    /// Another folder, a link or nothing is there now.
    pub(crate) fn check(&self) -> io::Result<()> {
        let there = Self::open_exactly(&self.path).and_then(|there| there.identity()).ok();
        if there == Some(self.identity()?) {
            return Ok(());
        }
        let path = self.path.display();
        Err(io::Error::other(format!("the folder `{path}` has been moved or replaced since it was checked")))
    }

    /// The identity of the file with a name in it; `None` if there is none.
    pub fn identity_of(&self, name: &OsStr) -> io::Result<Option<Identity>> {
        Ok(self.stat(name)?.map(Identity::from))
    }

    /// The metadata of the file with a name in it. Links are not followed.
    pub fn stat(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match statat(&self.opened, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens a file below it for reading. Does not follow links or wait for pipes.
    pub fn open_file(&self, within: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(resolve(&self.opened, within, flags, BELOW)?))
    }

    /// Creates a file below it, and the folders on its path. Does not follow links.
    pub fn make_file_below(&self, within: &Path, mode: u32) -> io::Result<File> {
        let name = within.file_name().ok_or(Errno::INVAL)?;
        let above = within.parent().filter(|above| *above != Path::new(""));
        match above {
            Some(above) => make_file(&self.make_folders(above)?, name, mode),
            None => make_file(&self.opened, name, mode),
        }
    }

    /// Opens or creates the folders on a path. Usually all exist, so that the whole path is tried first.
    fn make_folders(&self, within: &Path) -> io::Result<OwnedFd> {
        match resolve(&self.opened, within, HELD, BELOW) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let name = within.file_name().ok_or(Errno::INVAL)?;
        let above = match within.parent().filter(|above| *above != Path::new("")) {
            Some(above) => self.make_folders(above)?,
            None => self.opened.try_clone()?,
        };
        mkdirat(&above, name, Mode::from_raw_mode(0o777))?;
        Ok(openat(&above, name, HELD, Mode::empty())?)
    }

    /// Creates a file in it, with `mode` less the umask.
    #[cfg(test)]
    pub(crate) fn make_file(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        make_file(&self.opened, name, mode)
    }

    /// Creates a folder in it, with `mode` less the umask.
    pub fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<Self> {
        mkdirat(&self.opened, name, Mode::from_raw_mode(mode))?;
        self.folder(name)
    }

    /// Moves a file to a new name that must be unused. File systems that cannot check this replace an existing file.
    pub fn move_new(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        match renameat_with(&self.opened, name, &to.opened, new, RenameFlags::NOREPLACE) {
            Err(errno) if is_unknown(errno) => Ok(renameat(&self.opened, name, &to.opened, new)?),
            moved => Ok(moved?),
        }
    }

    /// Opens a folder in it.
    pub fn folder(&self, name: &OsStr) -> io::Result<Self> {
        Self::of(openat(&self.opened, name, HELD, Mode::empty())?)
    }

    /// The names in it.
    pub fn names(&self) -> io::Result<Vec<std::ffi::OsString>> {
        let is_self = |name: &CStr| matches!(name.to_bytes(), b"." | b"..");
        let entries = Dir::read_from(&self.opened)?.collect::<Result<Vec<_>, _>>()?;
        let names = entries.iter().map(rustix::fs::DirEntry::file_name).filter(|name| !is_self(name));
        Ok(names.map(|name| OsStr::from_bytes(name.to_bytes()).to_owned()).collect())
    }

    /// Removes everything in it except one name. Removes as much as possible; the first failure is returned.
    pub(crate) fn empty(&self, but: Option<&str>) -> io::Result<()> {
        let mut failed = Ok(());
        for name in self.names()? {
            if but.is_none_or(|but| name != but) {
                failed = failed.and(self.remove(&name));
            }
        }
        failed
    }

    /// Removes a name in it, with everything below. A missing name is not an error.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match unlinkat(&self.opened, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {}
            removed => return absent(removed),
        }
        match openat(&self.opened, name, HELD, Mode::empty()) {
            Ok(held) => {
                open_up(&held);
                Self::of(held)?.empty(None)?;
                absent(unlinkat(&self.opened, name, AtFlags::REMOVEDIR))
            }
            opened => absent(opened.map(drop)),
        }
    }

    /// Syncs its names to the disk. File systems that cannot sync folders write names at once.
    pub fn sync(&self) -> io::Result<()> {
        match fsync(&self.opened) {
            Err(Errno::BADF) if !self.can_read => Ok(()),
            Err(Errno::INVAL) => Ok(()),
            synced => Ok(synced?),
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.opened.as_fd()
    }
}

/// Whether a file system does not support such a rename.
pub(crate) fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// The path of an open file by its descriptor, independent of its name.
pub(crate) fn by_number(opened: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd()))
}

fn make_file(folder: &OwnedFd, name: &OsStr, mode: u32) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(folder, name, flags, Mode::from_raw_mode(mode))?))
}

/// Restores this user's permissions for a folder; a script may have removed them.
fn open_up(held: &OwnedFd) {
    if fstat(held).is_ok_and(|found| !Mode::from_raw_mode(found.st_mode).contains(Mode::RWXU)) {
        // If this fails, removing its contents fails too and reports the reason.
        let _ = chmod(by_number(held), Mode::RWXU);
    }
}

fn absent(removed: rustix::io::Result<()>) -> io::Result<()> {
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens a path below a folder under rules that the kernel enforces, or step by step where it cannot (Linux before
/// 5.6).
fn resolve(base: &OwnedFd, within: &Path, flags: OFlags, rules: ResolveFlags) -> io::Result<OwnedFd> {
    match openat2(base, within, flags, Mode::empty(), rules) {
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(base, within, flags, rules),
        opened => Ok(opened?),
    }
}

fn step_by_step(base: &OwnedFd, within: &Path, flags: OFlags, rules: ResolveFlags) -> io::Result<OwnedFd> {
    let device = fstat(base)?.st_dev;
    let mut parts = within.components().peekable();
    let mut held: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(Errno::XDEV.into()) };
        let flags = if parts.peek().is_some() { HELD } else { flags | OFlags::NOFOLLOW };
        let opened = openat(held.as_ref().unwrap_or(base), name, flags, Mode::empty())?;
        let found = fstat(&opened)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
            return Err(Errno::LOOP.into());
        }
        if rules.contains(ResolveFlags::NO_XDEV) && found.st_dev != device {
            return Err(Errno::XDEV.into());
        }
        held = Some(opened);
    }
    held.ok_or_else(|| Errno::NOENT.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn real() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        (folder, root)
    }

    #[test]
    fn nothing_below_a_folder_leads_out_of_it() {
        let (_folder, root) = real();
        std::fs::create_dir_all(root.join("in/deep")).unwrap();
        std::fs::write(root.join("in/deep/file"), "right").unwrap();
        std::fs::write(root.join("out"), "wrong").unwrap();
        for (name, to) in [("file", "deep/file"), ("folder", "deep"), ("above", ".."), ("far", "/etc")] {
            symlink(to, root.join("in").join(name)).unwrap();
        }
        let folder = Folder::open(&root.join("in")).unwrap();
        let base = folder.as_fd().try_clone_to_owned().unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        for (path, fine) in [
            ("deep/file", true),
            ("file", false),
            ("folder/file", false),
            ("above/out", false),
            ("../out", false),
            ("deep/../../out", false),
            ("far/passwd", false),
            ("/etc/passwd", false),
            ("nothing", false),
        ] {
            assert_eq!(folder.open_file(Path::new(path)).is_ok(), fine, "{path}");
            assert_eq!(step_by_step(&base, Path::new(path), flags, BELOW).is_ok(), fine, "{path} step by step");
        }
        let root = Folder::open(Path::new("/")).unwrap();
        assert!(root.open_file(Path::new("proc/self/status")).is_err(), "it is another file system");
    }

    #[test]
    fn a_folder_that_was_moved_or_replaced_is_seen() {
        let (_folder, root) = real();
        let at = |name: &str| root.join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        let held = Folder::open(&at("a/b")).unwrap();
        held.check().unwrap();
        std::fs::rename(at("a"), at("moved")).unwrap();
        assert!(held.check().is_err());
        // The same folder, but through a link.
        symlink("moved", at("a")).unwrap();
        let said = held.check().unwrap_err().to_string();
        assert!(said.ends_with("/a/b` has been moved or replaced since it was checked"), "{said}");
        std::fs::remove_file(at("a")).unwrap();
        std::fs::create_dir_all(at("a/b")).unwrap();
        assert!(held.check().is_err());
        // Files are created in the folder that was opened.
        held.make_file(OsStr::new("x"), 0o600).unwrap();
        assert!(at("moved/b/x").exists() && !at("a/b/x").exists());
    }

    #[test]
    fn what_is_removed_is_what_is_below() {
        let (_folder, root) = real();
        std::fs::create_dir_all(root.join("x/deep/er")).unwrap();
        std::fs::create_dir(root.join("kept")).unwrap();
        std::fs::write(root.join("kept/precious"), "").unwrap();
        std::fs::write(root.join("x/deep/er/file"), "").unwrap();
        for (name, to) in [("deep/away", "../../kept"), ("away", "/etc"), ("file", "deep/er/file")] {
            symlink(to, root.join("x").join(name)).unwrap();
        }
        std::fs::set_permissions(root.join("x/deep/er"), PermissionsExt::from_mode(0o000)).unwrap();
        std::fs::set_permissions(root.join("x/deep"), PermissionsExt::from_mode(0o400)).unwrap();
        let folder = Folder::open(&root).unwrap();
        folder.remove(OsStr::new("x")).unwrap();
        folder.remove(OsStr::new("nothing")).unwrap();
        assert_eq!(folder.names().unwrap(), ["kept"]);
        assert!(root.join("kept/precious").exists());
    }
}
