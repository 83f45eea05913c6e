//! A file before it has its name: written unnamed in its target's folder, synced, and named last. A killed host leaves
//! nothing, because an unnamed file vanishes with its process. A file that replaces another gets its mode, and its
//! owner and group if this user may set them.

use super::destination::{Destination, Place, Replaced};
use crate::folder::{Identity, by_number, is_unknown};
use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, linkat, openat, renameat, renameat_with,
    unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file without its final name.
#[derive(Debug)]
pub struct Unpublished {
    path: PathBuf,
    place: Place,
    file: File,
    temporary: OsString,
    /// Whether it has its temporary name.
    is_named: bool,
}

/// What has the temporary name once the file is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The previous file.
    Old,
    /// Nothing: there was no previous file.
    Nothing,
    /// Nothing: the previous file is lost, on file systems that cannot exchange two names.
    Lost,
}

impl Unpublished {
    /// Opens a file that will be `target`.
    ///
    /// # Errors
    /// No file can be created there; pipes and devices are not files.
    pub fn create(target: &Path, run_id: &str) -> io::Result<Self> {
        match Destination::of(target)? {
            Destination::File(place) => Self::create_in(place, target, run_id),
            Destination::Stream(_) => Err(io::Error::other("it is a pipe or a device")),
        }
    }

    /// Opens a file for a place.
    pub fn create_in(place: Place, path: &Path, run_id: &str) -> io::Result<Self> {
        let mut temporary = OsString::from(".");
        temporary.push(place.name());
        temporary.push(format!(".{run_id}"));
        // Others may not read a replacement before it has the mode of the replaced file.
        let mode = Mode::from_raw_mode(if place.look()?.is_some() { 0o600 } else { 0o666 });
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let (file, is_named) = match openat(place.folder(), ".", flags | OFlags::TMPFILE, mode) {
            Ok(file) => (File::from(file), false),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                (File::from(openat(place.folder(), &temporary, flags, mode)?), true)
            }
            Err(errno) => return Err(errno.into()),
        };
        Ok(Self { path: path.to_owned(), place, file, temporary, is_named })
    }

    /// A second handle, for writing.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Publishes it. Everything must have been written.
    pub fn publish(mut self) -> io::Result<()> {
        self.name()?;
        let (folder, own) = (self.place.folder(), self.identity()?);
        is_at(&self.place, &self.temporary, own)?;
        renameat(folder, &self.temporary, folder, self.place.name())?;
        self.is_named = false;
        is_at(&self.place, self.place.name(), own)?;
        self.place.folder().sync()
    }

    /// The path that the caller gave.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn temporary(&self) -> &OsStr {
        &self.temporary
    }

    /// The file's identity.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        Identity::of(&self.file)
    }

    /// Completes the file: sets its mode, syncs it, and gives it its temporary name.
    ///
    /// # Errors
    /// Among others, its folder is no longer at the caller's path.
    pub(super) fn name(&mut self) -> io::Result<()> {
        self.place.check()?;
        if let Some(replaced) = self.place.look()? {
            self.take_after(replaced)?;
        }
        self.file.sync_all()?;
        if !self.is_named {
            linkat(CWD, by_number(&self.file), self.place.folder(), &self.temporary, AtFlags::SYMLINK_FOLLOW)?;
            self.is_named = true;
        }
        Ok(())
    }

    /// Publishes the named file; the previous one gets the temporary name.
    pub(super) fn exchange(&mut self) -> io::Result<Left> {
        let left = exchange(&self.place, &self.temporary, self.identity()?)?;
        self.is_named = left == Left::Old;
        Ok(left)
    }

    /// Takes an exchange back.
    pub(super) fn take_back(&mut self, left: Left) -> io::Result<()> {
        let folder = self.place.folder();
        match left {
            Left::Old => renameat(folder, &self.temporary, folder, self.place.name())?,
            Left::Nothing => {
                is_at(&self.place, self.place.name(), self.identity()?)?;
                unlinkat(folder, self.place.name(), AtFlags::empty())?;
            }
            Left::Lost => return Err(io::Error::other("the previous file is lost")),
        }
        self.is_named = false;
        Ok(())
    }

    /// Takes the mode of the replaced file, and its owner and group as far as this user may.
    fn take_after(&self, replaced: Replaced) -> io::Result<()> {
        let found = rustix::fs::fstat(&self.file)?;
        let (user, group) = (Uid::from_raw(replaced.user), Gid::from_raw(replaced.group));
        let mut mode = replaced.mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        if found.st_uid != replaced.user {
            // Only root may.
            let _ = fchown(&self.file, Some(user), None);
        }
        if found.st_gid != replaced.group && fchown(&self.file, None, Some(group)).is_err() {
            // Another group gets the permissions of others, and no more.
            let others = (mode & Mode::RWXO).bits() << 3;
            mode &= Mode::RWXU | Mode::RWXO | Mode::from_raw_mode(others);
        }
        Ok(fchmod(&self.file, mode)?)
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        if self.is_named {
            let _ = unlinkat(self.place.folder(), &self.temporary, AtFlags::empty());
        }
    }
}

/// Exchanges the file under a temporary name, which is `own`, with the file in its place.
pub(super) fn exchange(place: &Place, temporary: &OsStr, own: Identity) -> io::Result<Left> {
    let (folder, name) = (place.folder(), place.name());
    is_at(place, temporary, own)?;
    // Does not replace a file that was created meanwhile.
    let left = if place.look()?.is_none() {
        folder.move_new(temporary, folder, name)?;
        Left::Nothing
    } else {
        match renameat_with(folder, temporary, folder, name, RenameFlags::EXCHANGE) {
            Ok(()) => Left::Old,
            Err(errno) if is_unknown(errno) => {
                renameat(folder, temporary, folder, name)?;
                Left::Lost
            }
            Err(errno) => return Err(errno.into()),
        }
    };
    is_at(place, name, own).map(|()| left)
}

/// Checks that a name in a place's folder is still that of a file.
///
/// # Errors
/// Another process with access to the folder has given the name to something else.
fn is_at(place: &Place, name: &OsStr, own: Identity) -> io::Result<()> {
    if place.folder().identity_of(name)? == Some(own) {
        return Ok(());
    }
    let folder = place.folder().path().display();
    Err(io::Error::other(format!("another process changes files in `{folder}`: a different file has its name")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn written(target: &Path, text: &str) -> Unpublished {
        let unpublished = Unpublished::create(target, "run").unwrap();
        unpublished.writer().unwrap().write_all(text.as_bytes()).unwrap();
        unpublished
    }

    #[test]
    fn the_target_changes_at_once_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.csv");
        std::fs::write(&target, "old").unwrap();
        drop(written(&target, "new"));
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        written(&target, "new").publish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_was_there_keeps_its_mode_and_is_never_more_readable() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.csv");
        std::fs::write(&target, "old").unwrap();
        for mode in [0o600, 0o640, 0o444, 0o755] {
            std::fs::set_permissions(&target, PermissionsExt::from_mode(mode)).unwrap();
            let mut unpublished = written(&target, "new");
            assert_eq!(unpublished.file.metadata().unwrap().mode() & 0o777, 0o600);
            unpublished.name().unwrap();
            assert_eq!(unpublished.file.metadata().unwrap().mode() & 0o777, mode);
            unpublished.publish().unwrap();
            assert_eq!(std::fs::metadata(&target).unwrap().mode() & 0o777, mode);
        }
    }

    #[test]
    fn owner_and_group_stay_where_they_can_be_given() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.csv");
        std::fs::write(&target, "old").unwrap();
        std::fs::set_permissions(&target, PermissionsExt::from_mode(0o664)).unwrap();
        let given = std::os::unix::fs::chown(&target, Some(12345), Some(12345)).is_ok();
        written(&target, "new").publish().unwrap();
        let found = std::fs::metadata(&target).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let expected = if given { (12345, 12345) } else { (own, found.gid()) };
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (expected.0, expected.1, 0o664));
    }

    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("real.csv"), folder.path().join("link.csv"));
        symlink("real.csv", &link).unwrap();
        for text in ["made", "replaced"] {
            written(&link, text).publish().unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    #[test]
    fn what_took_the_place_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.csv");
        let unpublished = written(&target, "new");
        symlink("elsewhere", &target).unwrap();
        let error = unpublished.publish().unwrap_err();
        assert_eq!(error.to_string(), "it was replaced by something that is not a file");
        assert!(std::fs::symlink_metadata(&target).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
