//! What the workers of a run share: memory, places to work at, and bytes to write.

use super::desks::{Desk, Desks};
use longshore_segment::{Budget, OverBudget, SegmentError, Taken};
use longshore_table::Allowance;
use std::sync::Arc;

/// Of a run's memory, the part that files may hold of what is not written yet, such as a group of rows of Parquet.
const FILES_SHARE: u64 = 4;

/// What the workers of a run share.
#[derive(Debug, Clone)]
pub(super) struct Means {
    /// Memory for what is made of the script's data.
    pub(super) memory: Budget,
    /// The part of it for what files hold.
    files: Budget,
    /// Bytes that may still be written, of all outputs together.
    pub(super) allowance: Allowance,
    desks: Arc<Desks>,
}

impl Means {
    pub(super) fn new(memory: Budget, output_bytes: u64) -> Self {
        let files = memory.part(memory.limit() / FILES_SHARE);
        Self { files, memory, allowance: Allowance::new(output_bytes), desks: Arc::new(Desks::new()) }
    }

    /// Waits for a place to work at; `None` once nothing is wanted any more.
    pub(super) fn desk(&self) -> Option<Desk<'_>> {
        self.desks.take()
    }

    /// Memory of a file that is being written; none yet.
    pub(super) fn of_file(&self) -> Result<Taken, OverBudget> {
        self.files.take(0)
    }

    /// Nothing is wanted any more.
    pub(super) fn close(&self) {
        self.desks.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.desks.is_closed()
    }

    /// Why the run ends where its data takes more memory than there is; `None` for another error.
    pub(super) fn too_large(error: &SegmentError) -> Option<String> {
        match error {
            SegmentError::OverBudget(over) => Some(over_memory(over)),
            _ => None,
        }
    }
}

/// Why the run ends where its data takes more memory than there is.
pub(super) fn over_memory(over: &OverBudget) -> String {
    format!(
        "what the script writes would take more than the {} MiB of the host's memory that it may at a time: write \
         smaller rows, fewer categories, or fewer outputs at once",
        over.limit >> 20
    )
}
