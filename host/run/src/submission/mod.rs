//! Requests on the wire: what a caller gives, as a submission and what is sent along, and back into a request at the
//! host. `give.rs` is the caller's side, `take.rs` the host's, `chain.rs` both sides of a chain.

mod chain;
mod give;
mod take;
#[cfg(test)]
mod tests;

pub use chain::{TakenChain, requested_chain, submitted_chain};
pub use give::submitted;
pub use take::{Taken, requested};

use longshore_segment::Segment;
use std::fs::File;
use std::path::PathBuf;
use thiserror::Error;

/// What is sent along with a submission, by its position there.
#[derive(Debug, Default)]
pub struct Along {
    /// Open files of inputs.
    pub sources: Vec<(u32, File)>,
    /// Tables of inputs in memory.
    pub tables: Vec<(u32, Segment)>,
    /// Open files of outputs.
    pub sinks: Vec<(u32, File)>,
    /// The folder into which the block's files were written, if they were sent along.
    pub folder: Option<PathBuf>,
}

/// A request cannot be sent to another process.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the request cannot be sent to another process: {0}")]
pub struct NotSubmitted(pub(super) String);

/// A submission is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SubmissionError(pub(super) String);
