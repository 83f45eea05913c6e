//! The files of a block that go beside its script.

use super::error::BlockError;
use super::model::Block;
use crate::session::BlockFile;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Most files in a block's folder: a large package with its data has a few thousand.
const FILES_MAX: usize = 10_000;

/// Most bytes in a block's folder: they are copied into every run. Data belongs into inputs.
const BYTES_MAX: u64 = 1 << 30;

/// Folders that are no part of a block.
const IGNORED: [&str; 3] = [".git", "__pycache__", ".venv"];

impl Block {
    /// The files to unpack for a run, the script among them.
    ///
    /// # Errors
    /// [`BlockError`] for a link that leaves the folder, or too much.
    pub(crate) fn files(&self) -> Result<Vec<BlockFile>, BlockError> {
        if !self.whole_folder {
            let source = self.folder.join(&self.script);
            return Ok(vec![BlockFile { source, path: self.script.clone(), executable: false }]);
        }
        let root = std::fs::canonicalize(&self.folder)
            .map_err(|source| BlockError::Read { path: self.folder.clone(), source })?;
        let mut walk = Walk { root: &root, files: Vec::new(), bytes: 0 };
        walk.folder(&root, "")?;
        Ok(walk.files)
    }
}

struct Walk<'a> {
    root: &'a Path,
    files: Vec<BlockFile>,
    bytes: u64,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<(), BlockError> {
        let failed = |source| BlockError::Read { path: folder.to_owned(), source };
        let mut entries: Vec<_> =
            std::fs::read_dir(folder).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if !IGNORED.contains(&name.as_str()) {
                self.entry(entry.path(), path)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, source: PathBuf, path: String) -> Result<(), BlockError> {
        let failed = |error| BlockError::Read { path: source.clone(), source: error };
        let real = std::fs::canonicalize(&source).map_err(failed)?;
        if !real.starts_with(self.root) {
            return Err(BlockError::Escapes { path: source });
        }
        let metadata = std::fs::metadata(&real).map_err(failed)?;
        if metadata.is_dir() {
            // A link to a folder above would lead round in circles.
            return if real == source {
                self.folder(&source, &path)
            } else {
                Err(BlockError::Escapes { path: source })
            };
        }
        if metadata.is_file() {
            self.bytes += metadata.len();
            let executable = metadata.permissions().mode() & 0o111 != 0;
            self.files.push(BlockFile { source: real, path, executable });
        }
        let what = if self.files.len() > FILES_MAX {
            format!("more than {FILES_MAX} files")
        } else if self.bytes > BYTES_MAX {
            format!("more than {} MiB", BYTES_MAX >> 20)
        } else {
            return Ok(());
        };
        Err(BlockError::TooMuch { folder: self.root.to_owned(), what })
    }
}
