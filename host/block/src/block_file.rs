//! A file of a block: found when a run is checked, in a folder that stays open, and opened later by each part of the
//! run. A file that changed meanwhile is an error, unless its contents were kept.

use super::error::BlockError;
use longshore_os::folder::{Folder, Identity, walk};
use longshore_os::small_file::regular;
use rustix::fs::{Stat, fstat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of files that are kept in memory while a run waits to be started: many runs may.
const KEPT_MAX: u64 = 32 << 10;

/// A file of the block, to be copied beside the script.
#[derive(Debug, Clone)]
pub struct BlockFile {
    folder: Arc<Folder>,
    /// Its path in the folder, without links.
    within: PathBuf,
    facts: Facts,
    content: Option<Arc<[u8]>>,
    /// Its path below the working folder.
    pub path: String,
    /// Whether it is executable.
    pub executable: bool,
}

/// Metadata that differs for another file or changed contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    identity: Identity,
    bytes: i64,
    /// Seconds and nanoseconds of its last change (ctime), which cannot be set.
    changed: (i64, i64),
}

impl BlockFile {
    /// Its contents, for reading. Blocks, unless [`BlockFile::is_kept`].
    ///
    /// # Errors
    /// It has changed.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.content {
            Some(content) => Box::new(Cursor::new(Arc::clone(content))),
            None => Box::new(self.opened()?),
        })
    }

    /// Whether its contents are in memory.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.content.is_some()
    }

    /// Keeps the contents of small files in memory: of all of them, or of none.
    ///
    /// # Errors
    /// [`BlockError::Read`]: a file has changed, or cannot be read.
    pub fn keep_small(files: &mut [Self]) -> Result<(), BlockError> {
        if files.iter().map(Self::bytes).fold(0, u64::saturating_add) > KEPT_MAX {
            return Ok(());
        }
        for file in files {
            let mut content = Vec::new();
            // However much it grows meanwhile.
            let read = file.opened().and_then(|opened| opened.take(KEPT_MAX).read_to_end(&mut content));
            read.map_err(|source| BlockError::Read { path: file.folder.path().join(&file.within), source })?;
            file.content = Some(content.into());
        }
        Ok(())
    }

    fn opened(&self) -> io::Result<File> {
        let opened = self.folder.open_file(&self.within).and_then(regular);
        let is_other = match &opened {
            Ok(file) => Facts::of(&fstat(file)?) != self.facts,
            Err(error) => {
                let errno = Errno::from_io_error(error);
                matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV))
            }
        };
        if is_other {
            let path = &self.path;
            return Err(io::Error::other(format!("`{path}` of the block has changed since the run was checked")));
        }
        opened
    }

    /// A file below an open folder, with what was found there.
    pub(super) fn found(folder: &Arc<Folder>, within: PathBuf, path: String, found: &Stat) -> Self {
        let executable = found.st_mode & 0o111 != 0;
        Self { folder: Arc::clone(folder), within, facts: Facts::of(found), content: None, path, executable }
    }

    /// A file without links below an open folder.
    pub(super) fn within(folder: &Arc<Folder>, within: &Path, path: &str) -> io::Result<Self> {
        let facts = Facts::of(&fstat(folder.open_file(within).and_then(regular)?)?);
        let (folder, within) = (Arc::clone(folder), within.to_owned());
        Ok(Self { folder, within, facts, content: None, path: path.to_owned(), executable: false })
    }

    /// Its size when it was listed, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.facts.bytes).unwrap_or_default()
    }

    /// A script without a folder.
    pub fn at(source: &Path, path: &str) -> io::Result<Self> {
        let walked = walk(source)?;
        let found = walked.found.ok_or(io::ErrorKind::NotFound)?;
        let facts = Facts::of(&fstat(found)?);
        let (folder, within) = (Arc::new(walked.folder), walked.name.into());
        Ok(Self { folder, within, facts, content: None, path: path.to_owned(), executable: false })
    }
}

impl Facts {
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "their types differ by machine")]
    fn of(found: &Stat) -> Self {
        let changed = (i64::from(found.st_ctime), found.st_ctime_nsec as i64);
        Self { identity: (*found).into(), bytes: i64::from(found.st_size), changed }
    }
}
