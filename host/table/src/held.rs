//! A file that is read several times, with the guarantee that it is still the one that was checked.

use longshore_os::small_file::open_regular;
use std::fs::File;
use std::io::{Error, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file.
#[derive(Debug)]
pub(super) enum Held {
    /// Held open.
    Open(File),
    /// Opened when it is read, and only if it is unchanged: a table in many files does not keep all of them open.
    Named { path: PathBuf, identity: Identity },
}

/// Distinguishes a file from others, and from its earlier content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    pub(super) length: u64,
    changed: (i64, i64),
}

impl Identity {
    /// The identity of an open file.
    ///
    /// # Errors
    /// If its metadata cannot be read.
    pub(super) fn of(file: &File) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), length: metadata.len(), changed })
    }
}

impl Held {
    /// The file from its start, with an offset of its own, so that several readers can use it at once.
    ///
    /// # Errors
    /// If it cannot be opened, or has changed.
    pub(super) fn reopen(&self) -> std::io::Result<File> {
        match self {
            Self::Open(file) => File::open(format!("/proc/self/fd/{}", file.as_raw_fd())),
            Self::Named { path, identity } => {
                let file = open_regular(path)?;
                if Identity::of(&file)? == *identity {
                    Ok(file)
                } else {
                    Err(Error::other("the file changed after it was checked"))
                }
            }
        }
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// If its metadata cannot be read.
    pub(super) fn length(&self) -> std::io::Result<u64> {
        match self {
            Self::Open(file) => Identity::of(file).map(|identity| identity.length),
            Self::Named { identity, .. } => Ok(identity.length),
        }
    }

    /// A second handle to the same file.
    ///
    /// # Errors
    /// If the descriptor cannot be duplicated.
    pub(super) fn again(&self) -> std::io::Result<Self> {
        match self {
            Self::Open(file) => file.try_clone().map(Self::Open),
            Self::Named { path, identity } => Ok(Self::Named { path: path.clone(), identity: *identity }),
        }
    }

    /// The same file, without an open descriptor.
    ///
    /// # Errors
    /// If its identity cannot be determined.
    pub(super) fn closed(self, path: &Path) -> std::io::Result<Self> {
        Ok(match self {
            Self::Open(file) => Self::Named { path: std::path::absolute(path)?, identity: Identity::of(&file)? },
            named @ Self::Named { .. } => named,
        })
    }
}

/// Files one after another, each opened when it is reached.
pub(super) struct Chained {
    files: std::vec::IntoIter<Held>,
    open: Option<File>,
}

impl Chained {
    pub(super) fn new(files: Vec<Held>) -> Self {
        Self { files: files.into_iter(), open: None }
    }
}

impl Read for Chained {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(file) = &mut self.open {
                let read = file.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            match self.files.next() {
                Some(next) => self.open = Some(next.reopen()?),
                None => return Ok(0),
            }
        }
    }
}
