//! The place that an output is written to, after its check.

use super::handed::{HandOver, OtherOutputs, OutputBatches};
use longshore_os::publish::Destination;
use longshore_segment::Segment;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The place that an output is written to.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// The destination that a path had when the run was checked.
    Named(Destination),
    /// A file that is open.
    Open(Arc<File>),
    /// A writer of the caller's.
    Writer(SharedWriter),
    /// The caller, as batches.
    Batches(HandOver<OutputBatches>),
    /// The caller, as a segment.
    Segment(HandOver<Segment>),
    /// The caller, as a segment among those of all outputs without a target.
    Other(OtherOutputs, u32),
    /// An unnamed file: a part of an output, until all parts are merged.
    Part,
}

impl Place {
    /// Whether the output is handed over as a segment.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self, Self::Segment(_) | Self::Other(..))
    }
}

/// A writer of the caller's; clones share it.
#[derive(Clone)]
pub(crate) struct SharedWriter(Arc<Mutex<Box<dyn Write + Send>>>);

impl SharedWriter {
    pub(crate) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }
}

impl fmt::Debug for SharedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedWriter")
    }
}

// Only one output uses it, so the lock is never contended.
impl Write for SharedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
