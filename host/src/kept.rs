//! What a script left in its working folder, brought back for a caller who asked for it. Files are written into a
//! folder beside the target, which takes the target's place when the run has ended, however it ended. Paths and sizes
//! come out of a container: they are checked here, and what breaks the rules ends the run.

use crate::place::LockedFolder;
use longshore_protocol::limits::PATH_MAX;
use longshore_protocol::{KeepLimits, LeftOut, ProtocolError};
use rustix::fs::syncfs;
use serde::Serialize;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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

/// A folder that is being brought back.
#[derive(Debug)]
pub(crate) struct Keeping {
    target: PathBuf,
    beside: LockedFolder,
    left: KeepLimits,
    open: Option<OpenFile>,
    files: u64,
    bytes: u64,
    /// Why it cannot be completed: the disk's fault, not the script's.
    failure: Option<String>,
}

#[derive(Debug)]
struct OpenFile {
    path: String,
    place: PathBuf,
    file: File,
    bytes: u64,
}

impl Keeping {
    /// How much is asked for.
    pub(crate) const LIMITS: KeepLimits = KeepLimits { files: KEPT_FILES_MAX, bytes: KEPT_BYTES_MAX };

    /// Makes the folder beside `target`, and removes those that killed hosts left there.
    pub(crate) fn create(target: &Path, run_id: &str) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.longshore-");
        let beside = LockedFolder::create(crate::publish::folder(target), &format!("{prefix}{run_id}"), 0o777)?;
        beside.remove_abandoned(&prefix);
        Ok(Self {
            target: target.to_owned(),
            beside,
            left: Self::LIMITS,
            open: None,
            files: 0,
            bytes: 0,
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
        if self.open.as_ref().is_none_or(|open| open.path != path) {
            self.give_up();
            if self.left.files == 0 {
                return Err(beyond("files", KEPT_FILES_MAX));
            }
            self.left.files -= 1;
        }
        if self.failure.is_none()
            && let Err(error) = self.write(path, executable, last, bytes)
        {
            self.failure = Some(format!("`{path}`: {error}"));
        }
        Ok(())
    }

    fn write(&mut self, path: &str, executable: bool, last: bool, bytes: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create_file(path, executable)?,
        };
        open.file.write_all(bytes)?;
        open.bytes += bytes.len() as u64;
        if last {
            self.files += 1;
            self.bytes += open.bytes;
        } else {
            self.open = Some(open);
        }
        Ok(())
    }

    fn create_file(&self, path: &str, executable: bool) -> io::Result<OpenFile> {
        let place = self.beside.path().join(path);
        DirBuilder::new().recursive(true).create(crate::publish::folder(&place))?;
        let mode = if executable { 0o777 } else { 0o666 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&place)?;
        Ok(OpenFile { path: path.to_owned(), place, file, bytes: 0 })
    }

    fn put(self) -> io::Result<()> {
        // One call for all files: a disk may take longer over each of ten thousand.
        syncfs(File::open(self.beside.path())?)?;
        self.take_after()?;
        self.beside.move_to(&self.target)?;
        File::open(crate::publish::folder(&self.target))?.sync_all()
    }

    /// An empty folder whose place it takes may be this user's alone: it stays so.
    fn take_after(&self) -> io::Result<()> {
        match std::fs::symlink_metadata(&self.target) {
            Ok(found) if found.is_dir() => {
                // Only root may give it away.
                let _ = std::os::unix::fs::chown(self.beside.path(), Some(found.uid()), Some(found.gid()));
                std::fs::set_permissions(self.beside.path(), found.permissions())
            }
            _ => Ok(()),
        }
    }

    /// A file whose last part did not come is none.
    fn give_up(&mut self) {
        if let Some(open) = self.open.take() {
            // It goes with its folder otherwise, if that fails too.
            let _ = std::fs::remove_file(open.place);
        }
    }

    /// Puts the folder in place. Blocks.
    pub(crate) fn publish(mut self, left_out: LeftOut) -> Result<KeptRecord, String> {
        self.give_up();
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let record = KeptRecord {
            folder: self.target.clone(),
            files: self.files,
            bytes: self.bytes,
            special: left_out.special,
            unreadable: left_out.unreadable,
            beyond: left_out.beyond,
        };
        self.put().map_err(|error| error.to_string())?;
        Ok(record)
    }
}

/// Says why a folder cannot be made at `target`, by making one beside it.
pub(crate) fn check_target(target: &Path) -> Result<(), String> {
    if target.file_name().is_none() {
        return Err("it is no name for a new folder".into());
    }
    match std::fs::symlink_metadata(target) {
        Ok(metadata) if metadata.is_symlink() => return Err("it is a link: name the folder itself".into()),
        Ok(metadata) if !metadata.is_dir() => return Err("it is a file: name a new folder".into()),
        Ok(_) => match std::fs::read_dir(target).map(|mut entries| entries.next().is_some()) {
            Ok(false) => {}
            Ok(true) => return Err("there is something in it: name a new folder, or an empty one".into()),
            Err(error) => return Err(error.to_string()),
        },
        Err(_) => {}
    }
    let folder = crate::publish::folder(target);
    if !folder.is_dir() {
        return Err(format!("the folder `{}` does not exist", folder.display()));
    }
    Keeping::create(target, "check").map(drop).map_err(|error| error.to_string())
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

    fn keeping(folder: &Path) -> Keeping {
        Keeping::create(&folder.join("kept"), "run").unwrap()
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
        assert_eq!(check_target(&path("empty")), Ok(()));
        assert_eq!(check_target(&path("new")), Ok(()));
        let wrong = |name: &str| check_target(&path(name)).unwrap_err();
        assert_eq!(wrong("full"), "there is something in it: name a new folder, or an empty one");
        assert_eq!(wrong("file"), "it is a file: name a new folder");
        assert_eq!(wrong("link"), "it is a link: name the folder itself");
        assert!(wrong("nowhere/x").ends_with("/nowhere` does not exist"));
        assert_eq!(check_target(Path::new("..")), Err("it is no name for a new folder".into()));
    }
}
