//! What a script left in its working folder, brought back for a caller who asked for it: into a file without a name, and
//! when the run has ended, however it ended, into a folder that takes the target's place. It is made where no script can
//! enter, and the folder that it goes to is the one that was open when the run was checked. Paths and sizes come out of a
//! container: they are checked here, and what breaks the rules ends the run.

use longshore_model::run_id::new_run_id;
use longshore_os::folder::{Folder, Identity};
use longshore_os::locked_folder::LockedFolder;
use longshore_os::publish::Place;
use longshore_protocol::limits::PATH_MAX;
use longshore_protocol::{KeepLimits, LeftOut, ProtocolError};
use rustix::fs::{Gid, Mode, Stat, Uid, fchmod, fchown, fstat, renameat, syncfs};
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// The folder that is made, before it has its name.
const MADE: &str = "kept";

/// Most files of a working folder that are brought back: as many as a block's folder may have.
pub(crate) const KEPT_FILES_MAX: u64 = 10_000;

/// Most bytes of them: as many as a block's folder may have. Tables belong into outputs.
pub(crate) const KEPT_BYTES_MAX: u64 = 1 << 30;

/// What was brought back from a working folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptRecord {
    /// Where it is.
    pub folder: PathBuf,
    /// How many files.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Links, sockets, pipes and devices, which are not brought back.
    pub special: u64,
    /// Files and folders that could not be read, or whose names are no text.
    pub unreadable: u64,
    /// Files beyond the limits of files and bytes, or of the time to bring them back.
    pub beyond: u64,
}

/// Where files are brought to: looked at when the run was checked, and held open.
#[derive(Debug, Clone)]
pub(crate) struct CaptureTarget {
    /// The path that the caller gave.
    pub(crate) path: PathBuf,
    place: Place,
    /// The folder that is there, and empty.
    was: Option<Identity>,
}

/// Files that are being brought back: in one file without a name, until all of them are there.
#[derive(Debug)]
pub(crate) struct WorkdirCapture {
    target: CaptureTarget,
    run_id: String,
    left: KeepLimits,
    contents: File,
    files: Vec<KeptFile>,
    /// Whether more of the last one comes.
    is_open: bool,
    /// Why it cannot be completed: the disk's fault, not the script's.
    failure: Option<String>,
}

#[derive(Debug)]
struct KeptFile {
    path: String,
    executable: bool,
    bytes: u64,
}

impl CaptureTarget {
    /// Says why a folder cannot be made at a path, by making one beside it.
    pub(crate) fn check(path: &Path) -> Result<Self, String> {
        if path.file_name().is_none() {
            return Err("it is no name for a new folder".into());
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
            Some((_, false)) => return Err("there is something in it: name a new folder, or an empty one".into()),
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

    /// A folder beside the target that only this user can enter. Those of killed hosts go.
    fn beside(&self, run_id: &str) -> io::Result<LockedFolder> {
        let prefix = format!(".{}.longshore-", self.place.name().to_string_lossy());
        let parent = self.place.folder().path().to_owned();
        let beside = LockedFolder::create_in(self.place.shared_folder(), &parent, &format!("{prefix}{run_id}"), 0o700)?;
        beside.remove_abandoned(&prefix);
        Ok(beside)
    }
}

impl WorkdirCapture {
    /// How much is asked for.
    pub(crate) const LIMITS: KeepLimits = KeepLimits { files: KEPT_FILES_MAX, bytes: KEPT_BYTES_MAX };

    /// Makes the file that is brought back into, on the disk where the target is.
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

    /// A file whose last part did not come is none.
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
        // Somebody may have put a folder of their own there before it was opened.
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

    /// Gives the folder that was made its name. Nobody else can enter the one that it is in.
    fn name(&self, beside: &Folder, made: &Folder) -> io::Result<()> {
        let (folder, name) = (self.target.place.folder(), self.target.place.name());
        // One call for all files: a disk may take longer over each of ten thousand.
        syncfs(made)?;
        match (folder.stat(name)?, self.target.was) {
            (None, _) => {}
            (Some(found), Some(was)) if Identity::from(found) == was => take_after(made, &found)?,
            (Some(_), _) => return Err(meddled(&self.target)),
        }
        // A folder takes the place of an empty one, and of nothing else.
        renameat(beside, MADE, folder, name)?;
        if folder.identity_of(name)? != Some(made.identity()?) {
            return Err(meddled(&self.target));
        }
        folder.sync()
    }
}

/// An empty folder whose place is taken may be this user's alone: it stays so.
fn take_after(made: &Folder, found: &Stat) -> io::Result<()> {
    // Only root may give it away.
    let _ = fchown(made, Some(Uid::from_raw(found.st_uid)), Some(Gid::from_raw(found.st_gid)));
    Ok(fchmod(made, Mode::from_raw_mode(found.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO))?)
}

fn meddled(target: &CaptureTarget) -> io::Error {
    let folder = target.place.folder().path().display();
    io::Error::other(format!("somebody else changes files in `{folder}`: name a folder elsewhere"))
}

/// Whether a file is what a library keeps for its next start, such as its list of fonts: none of the script's work.
fn is_cache(path: &str) -> bool {
    path.split('/').next() == Some(".cache")
}

fn check_path(path: &str) -> Result<(), ProtocolError> {
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain && path.len() <= PATH_MAX && !path.contains('\0') {
        return Ok(());
    }
    let received = path.chars().take(100).flat_map(char::escape_debug).collect();
    Err(ProtocolError::Unexpected { expected: "a path below the working folder", received })
}

fn beyond(what: &str, limit: u64) -> ProtocolError {
    ProtocolError::Unexpected {
        expected: "a working folder within its limits",
        received: format!("more than {limit} {what} of it"),
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
            "expected a working folder within its limits, received `more than 1073741824 bytes of it`"
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
        assert_eq!(wrong("full"), "there is something in it: name a new folder, or an empty one");
        assert_eq!(wrong("file"), "it is a file: name a new folder");
        assert_eq!(wrong("link"), "it is a link: name the folder itself");
        assert!(wrong("nowhere/x").ends_with("/nowhere` does not exist"));
        assert_eq!(CaptureTarget::check(Path::new("..")).map(drop), Err("it is no name for a new folder".into()));
    }
}
