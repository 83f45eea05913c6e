//! Where an output goes, once that has been checked.

use super::handed::{HandOver, OutputBatches};
use longshore_os::publish::Destination;
use longshore_segment::Segment;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Where an output goes.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// What a path led to when the run was checked.
    Named(Destination),
    /// A file that is open.
    Open(Arc<File>),
    /// A writer of the caller's.
    Writer(SharedWriter),
    /// The caller, as batches.
    Batches(HandOver<OutputBatches>),
    /// The caller, as a segment.
    Segment(HandOver<Segment>),
    /// Nowhere yet: it is a part of an output, and kept without a name until the whole is put together.
    Part,
}

/// A writer of the caller's; clones are the same one.
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

// One output alone has it, so that nobody waits for it here.
impl Write for SharedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
