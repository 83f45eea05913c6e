//! The columns made from the blocks of a text, which become batches when they are read.

use super::cut::changed;
use crate::{BATCH_ROWS, TableError};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use longshore_os::available::available_memory;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Divisor of the available memory: the columns made from one text may take an eighth of it until they are read.
const KEPT_SHARE: u64 = 8;

/// The columns of some rows.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<ArrayRef>,
}

/// The columns that the check of a text makes, as long as all of the text is valid and they fit the limit.
pub(crate) struct Keeper {
    made: Option<Vec<Made>>,
    bytes: u64,
    limit: u64,
}

impl Keeper {
    /// Keeps the columns made from a text of about `length` bytes.
    pub(crate) fn new(length: u64) -> Self {
        let limit = available_memory() / KEPT_SHARE;
        Self { made: (length <= limit).then(Vec::new), bytes: 0, limit }
    }

    /// Whether anything is kept.
    pub(crate) fn keeps(&self) -> bool {
        self.made.is_some()
    }

    /// Adds the columns of the next block; `None` discards all columns.
    pub(crate) fn add(&mut self, made: Option<Vec<Made>>) {
        let columns = made.iter().flatten().flat_map(|made| &made.columns);
        self.bytes += columns.map(|column| column.get_array_memory_size() as u64).sum::<u64>();
        match (&mut self.made, made) {
            (Some(all), Some(made)) if self.bytes <= self.limit => all.extend(made),
            _ => self.made = None,
        }
    }

    /// The kept columns, if `is_right`.
    pub(crate) fn kept(self, is_right: bool) -> Kept {
        Kept(Arc::new(Mutex::new(self.made.filter(|_| is_right))))
    }
}

/// The rows that the check of a text has made, for the first reader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Option<Vec<Made>>>>);

impl Kept {
    /// Takes the rows, if they are there.
    pub(crate) fn take(&self) -> Option<Vec<Made>> {
        self.0.lock().ok()?.take()
    }

    /// Whether the rows are there.
    #[cfg(test)]
    pub(crate) fn is_there(&self) -> bool {
        self.0.lock().is_ok_and(|kept| kept.is_some())
    }
}

/// Batches of the columns made; their rows are compared with the number that the check found.
pub(crate) struct MadeBatches<I> {
    path: PathBuf,
    schema: SchemaRef,
    made: I,
    missing: u64,
}

impl<I> MadeBatches<I> {
    pub(crate) fn new(path: &Path, schema: &SchemaRef, rows: u64, made: I) -> Self {
        Self { path: path.to_owned(), schema: Arc::clone(schema), made, missing: rows }
    }

    fn batch(&mut self, made: Made) -> Result<RecordBatch, TableError> {
        self.missing = self.missing.checked_sub(made.rows as u64).ok_or_else(|| changed(&self.path))?;
        let options = RecordBatchOptions::new().with_row_count(Some(made.rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), made.columns, &options)
            .map_err(|source| TableError::Arrow { path: self.path.clone(), source })
    }
}

impl<I: Iterator<Item = Result<Made, TableError>>> Iterator for MadeBatches<I> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.made.next() {
            Some(made) => Some(made.and_then(|made| self.batch(made))),
            None if std::mem::take(&mut self.missing) > 0 => Some(Err(changed(&self.path))),
            None => None,
        }
    }
}

/// The ranges of `rows` rows in batches.
pub(crate) fn ranges(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BATCH_ROWS).map(move |start| start..rows.min(start + BATCH_ROWS))
}

/// The columns made from blocks, one after the other.
pub(crate) fn flat(
    blocks: impl Iterator<Item = Result<Vec<Made>, TableError>>,
) -> impl Iterator<Item = Result<Made, TableError>> {
    blocks.flat_map(|made| match made {
        Ok(made) => made.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    })
}
