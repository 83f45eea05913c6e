//! Outputs that are returned to the caller: a slot that is filled when the run has succeeded, and its contents.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, SchemaRef};
use longshore_segment::Segment;
use longshore_table::budget;
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::sync::{Arc, Mutex, PoisonError};

/// The table that a run hands over.
#[derive(Debug)]
enum Slot<T> {
    Empty,
    Full(T),
    Taken,
}

/// The run's end of an output that is returned to the caller.
#[derive(Debug)]
pub struct HandOver<T>(Arc<Mutex<Slot<T>>>);

/// The caller's end of an output. It has the table once the run has succeeded.
#[derive(Debug)]
pub struct OutputHandle<T>(Arc<Mutex<Slot<T>>>);

/// An output was not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotHandedOver {
    /// The run has not succeeded, or its script wrote nothing to the output.
    #[error("the output was not written: the run has not succeeded, or its script wrote nothing to it")]
    NotWritten,
    /// It was taken before.
    #[error("the output has been taken already")]
    Taken,
}

impl<T> Clone for HandOver<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> HandOver<T> {
    pub(crate) fn hand_over(&self, table: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Slot::Full(table);
    }
}

impl<T> OutputHandle<T> {
    pub(crate) fn new() -> (HandOver<T>, Self) {
        let slot = Arc::new(Mutex::new(Slot::Empty));
        (HandOver(Arc::clone(&slot)), Self(slot))
    }

    /// Takes the table, once.
    ///
    /// # Errors
    /// [`NotHandedOver`].
    pub fn take(&self) -> Result<T, NotHandedOver> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Full(table) => Ok(table),
            Slot::Taken => Err(NotHandedOver::Taken),
            Slot::Empty => {
                *slot = Slot::Empty;
                Err(NotHandedOver::NotWritten)
            }
        }
    }
}

/// The tables of outputs that the caller names no target for, once the run has succeeded. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct OtherOutputs(Arc<Mutex<Vec<(u32, Segment)>>>);

impl OtherOutputs {
    pub(crate) fn hand_over(&self, number: u32, table: Segment) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((number, table));
    }

    /// Takes the tables, each with its output's number, in order.
    #[must_use]
    pub fn take(&self) -> Vec<(u32, Segment)> {
        let mut tables = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tables.sort_by_key(|(number, _)| *number);
        tables
    }
}

/// The batches of an output. They are read from an unnamed temporary file, one at a time.
#[derive(Debug)]
pub struct OutputBatches(StreamReader<BufReader<File>>);

impl OutputBatches {
    /// The batches of a file with an Arrow stream. Blocks.
    pub(crate) fn new(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(io::Error::other)?;
        Ok(Self(reader))
    }
}

impl Iterator for OutputBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl RecordBatchReader for OutputBatches {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}

/// A file with an Arrow stream, as a partitioned run merges its parts, copied to shared memory. Blocks.
pub(crate) fn segment(mut file: File) -> io::Result<Segment> {
    file.rewind()?;
    // The caller owns it from here on: the budget only checks that there is room for it now.
    let _room = budget::host().take(file.metadata()?.len()).map_err(io::Error::other)?;
    Segment::copy_of(file).map_err(io::Error::other)
}
