//! The resources that the workers of a run share: memory, desks, and bytes to write.

use super::desks::{Desk, Desks};
use longshore_segment::{Budget, OverBudget, SegmentError, Taken};
use longshore_table::Allowance;
use std::sync::Arc;

/// Divisor of a run's memory for rows that files buffer before they are written, such as a row group of Parquet.
const FILES_SHARE: u64 = 4;

/// The resources that the workers of a run share.
#[derive(Debug, Clone)]
pub(super) struct Means {
    /// Memory for data decoded and converted from the script's.
    pub(super) memory: Budget,
    /// The part of it for rows that files buffer.
    files: Budget,
    /// Bytes that all outputs together may still write.
    pub(super) allowance: Allowance,
    desks: Arc<Desks>,
}

impl Means {
    pub(super) fn new(memory: Budget, output_bytes: u64) -> Self {
        let files = memory.part(memory.limit() / FILES_SHARE);
        Self { files, memory, allowance: Allowance::new(output_bytes), desks: Arc::new(Desks::new()) }
    }

    /// Waits for a desk; `None` once the desks are closed.
    pub(super) fn desk(&self) -> Option<Desk<'_>> {
        self.desks.take()
    }

    /// A reservation of 0 bytes for a file that is being written.
    pub(super) fn of_file(&self) -> Result<Taken, OverBudget> {
        self.files.take(0)
    }

    /// Closes the desks: workers stop.
    pub(super) fn close(&self) {
        self.desks.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.desks.is_closed()
    }

    /// Why the run ends if its data exceeds the memory budget; `None` for another error.
    pub(super) fn too_large(error: &SegmentError) -> Option<String> {
        match error {
            SegmentError::OverBudget(over) => Some(over_memory(over)),
            _ => None,
        }
    }
}

/// Why the run ends if its data exceeds the memory budget.
pub(super) fn over_memory(over: &OverBudget) -> String {
    format!(
        "the script's outputs exceed the {} MiB of the host's memory that they may use at a time: write \
        smaller rows, fewer categories, or fewer outputs at once",
        over.limit >> 20
    )
}
