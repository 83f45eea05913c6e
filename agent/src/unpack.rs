//! Writes the block's files, part by part, into the working folder. Paths are untrusted; the folder belongs to the
//! agent and is empty at first, so nothing in it can be a link yet.

use crate::error::StartError;
use crate::keep::Unchanged;
use longshore_protocol::limits::PATH_MAX;
use rustix::fs::OFlags;
use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// Unpacks files.
#[derive(Debug)]
pub(crate) struct Unpacker {
    folder: PathBuf,
    open: Option<(String, File)>,
    unchanged: Unchanged,
    /// Files that exist and are written in place: a waiting interpreter has them open.
    placeholders: BTreeSet<String>,
}

impl Unpacker {
    /// Into `folder`.
    pub(crate) fn new(folder: &str) -> Self {
        Self {
            folder: PathBuf::from(folder),
            open: None,
            unchanged: Unchanged::default(),
            placeholders: BTreeSet::new(),
        }
    }

    /// For the files that follow those of Prepare, which may be placeholders.
    pub(crate) fn again(self) -> Self {
        let placeholders = self.unchanged.paths().map(str::to_owned).collect();
        Self { placeholders, ..Self::new(&self.folder.to_string_lossy()) }
    }

    /// Takes the next part of a file.
    pub(crate) fn part(&mut self, path: &str, executable: bool, last: bool, bytes: &[u8]) -> Result<(), StartError> {
        let mut file = match self.open.take() {
            Some((open, file)) if open == path => file,
            Some((open, _)) => return Err(StartError::Mixed { path: path.into(), open }),
            None => self.create(path, executable)?,
        };
        file.write_all(bytes).map_err(|source| StartError::Write { path: path.into(), source })?;
        if last {
            self.unchanged.note(path, &file).map_err(|source| StartError::Write { path: path.into(), source })?;
        } else {
            self.open = Some((path.into(), file));
        }
        Ok(())
    }

    /// The unpacked files, to detect later changes by the script.
    pub(crate) fn into_unchanged(self) -> Unchanged {
        self.unchanged
    }

    fn create(&self, path: &str, executable: bool) -> Result<File, StartError> {
        let relative = Path::new(path);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.is_empty() || path.len() > PATH_MAX || path.contains('\0') {
            return Err(StartError::BadPath { path: path.into() });
        }
        let failed = |source| StartError::Write { path: path.into(), source };
        let mut parent = self.folder.clone();
        for part in relative.parent().into_iter().flat_map(Path::components) {
            parent.push(part);
            match DirBuilder::new().create(&parent) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let target = self.folder.join(relative);
        let mode = if executable { 0o755 } else { 0o644 };
        if self.placeholders.contains(path) {
            let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
            let file = OpenOptions::new().write(true).truncate(true).custom_flags(flags).open(&target);
            let file = file.map_err(failed)?;
            file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
            return Ok(file);
        }
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&target).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_parts_and_into_folders() {
        let folder = std::env::temp_dir().join(format!("longshore-unpack-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let mut unpacker = Unpacker::new(folder.to_str().unwrap());
        unpacker.part("a/b.txt", false, false, b"one ").unwrap();
        assert!(matches!(unpacker.part("c.txt", false, true, b""), Err(StartError::Mixed { .. })));
        let mut unpacker = Unpacker::new(folder.to_str().unwrap());
        unpacker.part("a/c.txt", true, false, b"one ").unwrap();
        unpacker.part("a/c.txt", true, true, b"two").unwrap();
        assert_eq!(std::fs::read(folder.join("a/c.txt")).unwrap(), b"one two");
        for path in ["../x", "/x", "", "a/../../x", "a\0b"] {
            let refused = unpacker.part(path, false, true, b"");
            assert!(matches!(refused, Err(StartError::BadPath { .. })), "{path:?} gives {refused:?}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
