//! Record batches from a reader. Any failure of a library on a damaged file, including a panic, is an error of the
//! table.

use super::error::TableError;
use super::guard::{Panicked, guarded};
use super::ipc::{Fault, IpcStream};
use arrow_array::RecordBatch;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Batches of a table.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, TableError>> + Send>;

/// The batches of a stream, as they arrive.
pub(super) fn stream_batches<R: Read + Send + 'static>(
    path: &Path,
    stream: Result<IpcStream<R>, Fault>,
) -> Result<Batches, TableError> {
    let path = path.to_owned();
    let mut stream = stream.map_err(|fault| fault.of(&path))?;
    Ok(Box::new(std::iter::from_fn(move || stream.next().map_err(|fault| fault.of(&path)).transpose())))
}

/// The error of a file whose reader panicked.
pub(super) fn gave_up(path: &Path, panicked: &Panicked) -> TableError {
    TableError::Damaged { path: path.to_owned(), reason: format!("its reader gave up: {}", panicked.words) }
}

/// Batches of a reader that may panic. Nothing follows an error.
pub(super) struct Guarded {
    batches: Option<Batches>,
    path: PathBuf,
}

impl Guarded {
    pub(super) fn new(batches: Batches, path: &Path) -> Self {
        Self { batches: Some(batches), path: path.to_owned() }
    }
}

impl Iterator for Guarded {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.batches.as_mut()?;
        let next = guarded(|| batches.next()).unwrap_or_else(|panicked| Some(Err(gave_up(&self.path, &panicked))));
        if !matches!(next, Some(Ok(_))) {
            self.batches = None;
        }
        next
    }
}
