//! The files of a block's folder, read by their names: bounded, and never from outside of the folder.

use crate::error::BlockError;
use longshore_os::presence::if_there;
use longshore_os::small_file;
use std::io;
use std::path::{Path, PathBuf};

/// A block's folder.
#[derive(Debug)]
pub(super) struct FolderFiles {
    folder: PathBuf,
    /// The folder without links.
    root: PathBuf,
}

impl FolderFiles {
    /// The files of a folder.
    pub(super) fn new(folder: &Path) -> Result<Self, BlockError> {
        let root =
            std::fs::canonicalize(folder).map_err(|source| BlockError::Read { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned(), root })
    }

    /// The path of a file, for messages.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether there is a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.join(name).is_file()
    }

    /// The names in the folder, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>, BlockError> {
        let failed = |source| BlockError::Read { path: self.folder.clone(), source };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// A file of at most `most` bytes; `None` if it does not exist.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, BlockError> {
        let path = self.path(name);
        let failed = |source| BlockError::Read { path: path.clone(), source };
        let Some(real) = if_there(std::fs::canonicalize(&path)).map_err(failed)? else { return Ok(None) };
        if !real.starts_with(&self.root) {
            return Err(BlockError::Escapes { path });
        }
        small_file::read(&real, most).map(Some).map_err(failed)
    }

    /// A text of at most `most` bytes, in UTF-8 or in UTF-16 with its mark, as some shells write.
    pub(super) fn read_text(&self, name: &str, most: u64) -> Result<Option<String>, BlockError> {
        let Some(bytes) = self.read(name, most)? else { return Ok(None) };
        let wrong = |reason: String| BlockError::Read {
            path: self.path(name),
            source: io::Error::new(io::ErrorKind::InvalidData, reason),
        };
        let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
            String::from_utf16(&units).map_err(|_| wrong("it is not UTF-16".into()))
        };
        let text = match bytes.as_slice() {
            [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes)?,
            [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes)?,
            [0xef, 0xbb, 0xbf, ..] => utf8(bytes[3..].to_vec()).map_err(wrong)?,
            _ => utf8(bytes).map_err(wrong)?,
        };
        Ok(Some(text))
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {}", error.utf8_error()))
}
