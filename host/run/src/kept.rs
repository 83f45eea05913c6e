//! The files of a script's working folder, copied out at the caller's request: first into an unnamed file, and after
//! the run, regardless of its outcome, into a folder that replaces the target. That folder is made where no script can
//! enter, and its parent has been open since the run was checked. Paths and sizes are a container's: they are checked
//! here, and a violation ends the run.

use longshore_model::run_id::new_run_id;
use longshore_os::folder::{Folder, Identity};
use longshore_os::locked_folder::LockedFolder;
use longshore_os::publish::Place;
use longshore_protocol::{KeepLimits, LeftOut, ProtocolError, is_file_path};
use rustix::fs::{Gid, Mode, Stat, Uid, fchmod, fchown, fstat, renameat, syncfs};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// The name of the folder while it is filled.
const MADE: &str = "kept";

/// Most files that are copied out of a working folder: as many as a block's folder may have.
pub(crate) const KEPT_FILES_MAX: u64 = 10_000;

/// Most bytes of them: as many as a block's folder may have. Tables belong in outputs.
pub(crate) const KEPT_BYTES_MAX: u64 = 1 << 30;

/// The files that were copied out of a working folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptRecord {
    /// Its path.
    pub folder: PathBuf,
    /// How many files.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Number of links, sockets, pipes and devices, which are not copied.
    pub special: u64,
    /// Number of files and folders that could not be read, or whose names are not UTF-8.
    pub unreadable: u64,
    /// Number of files beyond the limits of files, bytes or time.
    pub beyond: u64,
}

/// Where files are copied to: checked and opened when the run was checked.
#[derive(Debug, Clone)]
pub(crate) struct CaptureTarget {
    /// The path that the caller gave.
    pub(crate) path: PathBuf,
    place: Place,
    /// The empty folder that exists there.
    was: Option<Identity>,
}

/// Files that are being copied out: in one unnamed file until they are complete.
#[derive(Debug)]
pub(crate) struct WorkdirCapture {
    target: CaptureTarget,
    run_id: String,
    left: KeepLimits,
    contents: File,
    files: Vec<KeptFile>,
    /// Whether the last file is incomplete.
    is_open: bool,
    /// Why it cannot be completed: an error of the disk, not of the script.
    failure: Option<String>,
}

#[derive(Debug)]
struct KeptFile {
    path: String,
    executable: bool,
    bytes: u64,
}

impl CaptureTarget {
    /// Checks that a folder can be made at a path, by making one beside it.
    pub(crate) fn check(path: &Path) -> Result<Self, String> {
        if path.file_name().is_none() {
            return Err("it does not end with a folder name".into());
        }
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
            return Err("it is a link: name the folder itself".into());
        }
        let folder = longshore_os::publish::folder(path);
        if !folder.is_dir() {
            return Err(format!("the folder `{}` does not exist", folder.display()));
        }
        let (place, found) = Place::of_folder(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => "it is a file: name a new folder".into(),
            _ => error.to_string(),
        })?;
        let was = found.map(|found| Ok::<_, io::Error>((found.identity()?, found.names()?.is_empty()))).transpose();
        let was = match was.map_err(|error| error.to_string())? {
            Some((_, false)) => return Err("it is not empty: name a new or an empty folder".into()),
            was => was.map(|(identity, _)| identity),
        };
        let target = Self { path: path.to_owned(), place, was };
        target.beside(&new_run_id()).map(drop).map_err(|error| error.to_string())?;
        Ok(target)
    }

    /// The path without links.
    pub(crate) fn real(&self) -> PathBuf {
        self.place.path()
    }

    /// The links that led there.
    pub(crate) fn links(&self) -> &[PathBuf] {
        self.place.links()
    }

    /// A folder beside the target that only this user can enter. Those of killed hosts are removed.
    fn beside(&self, run_id: &str) -> io::Result<LockedFolder> {
        let prefix = format!(".{}.longshore-", self.place.name().to_string_lossy());
        let parent = self.place.folder().path().to_owned();
        let beside = LockedFolder::create_in(self.place.shared_folder(), &parent, &format!("{prefix}{run_id}"), 0o700)?;
        beside.remove_abandoned(&prefix);
        Ok(beside)
    }
}

impl WorkdirCapture {
    /// The limits that the agent is sent.
    pub(crate) const LIMITS: KeepLimits = KeepLimits { files: KEPT_FILES_MAX, bytes: KEPT_BYTES_MAX };

    /// Makes the file that collects the contents, on the target's disk.
    pub(crate) fn begin(target: CaptureTarget, run_id: &str) -> io::Result<Self> {
        let contents = target.place.scratch()?;
        Ok(Self {
            target,
            run_id: run_id.to_owned(),
            left: Self::LIMITS,
            contents,
            files: Vec::new(),
            is_open: false,
            failure: None,
        })
    }

    /// Takes the next part of a file.
    pub(crate) fn part(&mut self, path: &str, executable: bool, last: bool, bytes: &[u8]) -> Result<(), ProtocolError> {
        check_path(path)?;
        let length = bytes.len() as u64;
        if self.left.bytes < length {
            return Err(beyond("bytes", KEPT_BYTES_MAX));
        }
        self.left.bytes -= length;
        if is_cache(path) {
            return Ok(());
        }
        if !self.is_open || self.files.last().is_none_or(|open| open.path != path) {
            self.give_up();
            if self.left.files == 0 {
                return Err(beyond("files", KEPT_FILES_MAX));
            }
            self.left.files -= 1;
            self.files.push(KeptFile { path: path.to_owned(), executable, bytes: 0 });
        }
        self.is_open = !last;
        if self.failure.is_none()
            && let Err(error) = self.contents.write_all(bytes)
        {
            self.failure = Some(format!("`{path}`: {error}"));
        }
        if let Some(file) = self.files.last_mut() {
            file.bytes += length;
        }
        Ok(())
    }

    /// Discards a file whose last part is missing.
    fn give_up(&mut self) {
        if std::mem::take(&mut self.is_open)
            && let Some(file) = self.files.pop()
        {
            let back = self.contents.stream_position().map(|end| end.saturating_sub(file.bytes));
            if let Err(error) = back.and_then(|start| self.contents.seek(SeekFrom::Start(start))) {
                self.failure.get_or_insert(error.to_string());
            }
        }
    }

    /// Puts the folder in place. Blocks.
    pub(crate) fn publish(mut self, left_out: LeftOut) -> Result<KeptRecord, String> {
        self.give_up();
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let record = KeptRecord {
            folder: self.target.path.clone(),
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|file| file.bytes).sum(),
            special: left_out.special,
            unreadable: left_out.unreadable,
            beyond: left_out.beyond,
        };
        self.put()?;
        Ok(record)
    }

    fn put(&mut self) -> Result<(), String> {
        let failed = |error: io::Error| error.to_string();
        self.target.place.check().map_err(failed)?;
        let beside = self.target.beside(&self.run_id).map_err(failed)?;
        let owner = |file: &dyn AsFd| Ok::<_, io::Error>(fstat(file.as_fd())?.st_uid);
        // Another user may have replaced the folder before it was opened.
        if owner(beside.folder()).map_err(failed)? != owner(&self.contents).map_err(failed)? {
            return Err(meddled(&self.target).to_string());
        }
        let made = beside.folder().make_folder(OsStr::new(MADE), 0o777).map_err(failed)?;
        self.contents.rewind().map_err(failed)?;
        for file in &self.files {
            let written = self.write(&made, file);
            written.map_err(|error| format!("`{}`: {error}", file.path))?;
        }
        self.name(beside.folder(), &made).map_err(failed)
    }

    fn write(&self, made: &Folder, file: &KeptFile) -> io::Result<()> {
        let mode = if file.executable { 0o777 } else { 0o666 };
        let mut to = made.make_file_below(Path::new(&file.path), mode)?;
        io::copy(&mut (&self.contents).take(file.bytes), &mut to).map(drop)
    }

    /// Renames the folder to its final name. Only this user can enter the folder that it is in.
    fn name(&self, beside: &Folder, made: &Folder) -> io::Result<()> {
        let (folder, name) = (self.target.place.folder(), self.target.place.name());
        // One call for all files: ten thousand single calls may take much longer.
        syncfs(made)?;
        match (folder.stat(name)?, self.target.was) {
            (None, _) => {}
            (Some(found), Some(was)) if Identity::from(found) == was => take_after(made, &found)?,
            (Some(_), _) => return Err(meddled(&self.target)),
        }
        // `rename` replaces only an empty folder by a folder.
        renameat(beside, MADE, folder, name)?;
        if folder.identity_of(name)? != Some(made.identity()?) {
            return Err(meddled(&self.target));
        }
        folder.sync()
    }
}

/// Takes over owner and mode of the empty folder that is replaced.
fn take_after(made: &Folder, found: &Stat) -> io::Result<()> {
    // Only root may change the owner.
    let _ = fchown(made, Some(Uid::from_raw(found.st_uid)), Some(Gid::from_raw(found.st_gid)));
    Ok(fchmod(made, Mode::from_raw_mode(found.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO))?)
}

fn meddled(target: &CaptureTarget) -> io::Error {
    let folder = target.place.folder().path().display();
    io::Error::other(format!("another program changes files in `{folder}`: name a folder elsewhere"))
}

/// Whether a file is a library's cache, such as a list of fonts, and not a result of the script.
fn is_cache(path: &str) -> bool {
    path.split('/').next() == Some(".cache")
}

fn check_path(path: &str) -> Result<(), ProtocolError> {
    if is_file_path(path) {
        return Ok(());
    }
    let received = path.chars().take(100).flat_map(char::escape_debug).collect();
    Err(ProtocolError::Unexpected { expected: "a path below the working folder", received })
}

fn beyond(what: &str, limit: u64) -> ProtocolError {
    ProtocolError::Unexpected {
        expected: "a working folder within its limits",
        received: format!("more than {limit} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeping(folder: &Path) -> WorkdirCapture {
        WorkdirCapture::begin(CaptureTarget::check(&folder.join("kept")).unwrap(), "run").unwrap()
    }

    #[test]
    fn files_come_in_parts_and_appear_together() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = keeping(folder.path());
        kept.part("a/b c.txt", false, false, b"one ").unwrap();
        kept.part("a/b c.txt", false, true, b"two").unwrap();
        kept.part("given up", false, false, b"half").unwrap();
        kept.part("empty", true, true, b"").unwrap();
        kept.part(".cache/fonts/list", false, true, b"of a library").unwrap();
        assert!(!folder.path().join("kept").exists());
        let record = kept.publish(LeftOut { special: 1, ..LeftOut::default() }).unwrap();
        let target = folder.path().join("kept");
        assert_eq!((record.folder, record.files, record.bytes, record.special), (target.clone(), 2, 7, 1));
        assert_eq!(std::fs::read(target.join("a/b c.txt")).unwrap(), b"one two");
        assert!(!target.join("given up").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_empty_folder_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("kept");
        std::fs::create_dir(&target).unwrap();
        std::fs::set_permissions(&target, PermissionsExt::from_mode(0o700)).unwrap();
        let mut kept = keeping(folder.path());
        kept.part("a", false, true, b"1").unwrap();
        kept.publish(LeftOut::default()).unwrap();
        assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(target.join("a").exists());
    }

    #[test]
    fn paths_that_leave_the_folder_break_the_protocol() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = keeping(folder.path());
        let long = "x/".repeat(2048) + "x";
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\0b", ".", &long] {
            let refused = kept.part(path, false, true, b"");
            assert!(matches!(refused, Err(ProtocolError::Unexpected { .. })), "{path:?} gives {refused:?}");
        }
        drop(kept);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn more_than_was_asked_for_breaks_the_protocol() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = keeping(folder.path());
        kept.left = KeepLimits { files: 2, bytes: 3 };
        kept.part("a", false, true, b"1").unwrap();
        assert_eq!(
            kept.part("b", false, false, b"234").unwrap_err().to_string(),
            "expected a working folder within its limits, received `more than 1073741824 bytes`"
        );
        kept.part("b", false, true, b"2").unwrap();
        assert!(kept.part("c", false, true, b"").is_err());
    }

    #[test]
    fn a_name_that_is_taken_is_a_failure_and_nothing_appears() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = keeping(folder.path());
        kept.part("a", false, true, b"").unwrap();
        kept.part("a/b", false, true, b"").unwrap();
        let failure = kept.publish(LeftOut::default()).unwrap_err();
        assert!(failure.starts_with("`a/b`: "), "{failure}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn targets_are_checked_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("full/x")).unwrap();
        std::fs::create_dir(path("empty")).unwrap();
        std::fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("empty", path("link")).unwrap();
        assert_eq!(CaptureTarget::check(&path("empty")).map(drop), Ok(()));
        assert_eq!(CaptureTarget::check(&path("new")).map(drop), Ok(()));
        let wrong = |name: &str| CaptureTarget::check(&path(name)).unwrap_err();
        assert_eq!(wrong("full"), "it is not empty: name a new or an empty folder");
        assert_eq!(wrong("file"), "it is a file: name a new folder");
        assert_eq!(wrong("link"), "it is a link: name the folder itself");
        assert!(wrong("nowhere/x").ends_with("/nowhere` does not exist"));
        assert_eq!(CaptureTarget::check(Path::new("..")).map(drop), Err("it does not end with a folder name".into()));
    }
}
