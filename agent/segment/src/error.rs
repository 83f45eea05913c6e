//! Errors of shared memory and of the tables in it.

use crate::budget::OverBudget;
use arrow_schema::ArrowError;
use thiserror::Error;

/// A segment or a table in one cannot be used.
#[derive(Debug, Error)]
pub enum SegmentError {
    /// A system call on shared memory failed.
    #[error("`{call}` on shared memory failed")]
    System {
        /// The system call.
        call: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The descriptor is not sealed shared memory, so its content could change under the reader.
    #[error(
        "the descriptor is not sealed shared memory: {found}, but a segment has the seals write, grow, shrink and seal"
    )]
    NotSealed {
        /// What the descriptor is.
        found: String,
    },
    /// The segment is shorter than its sender announced.
    #[error("the segment has {actual} bytes, fewer than the {announced} announced")]
    TooShort {
        /// Bytes it has.
        actual: u64,
        /// Bytes announced.
        announced: u64,
    },
    /// The bytes are not an Arrow IPC stream.
    #[error("not a valid Arrow IPC stream: {reason}")]
    BadStream {
        /// The error.
        reason: String,
    },
    /// A message is larger than the reader accepts.
    #[error("an Arrow message of {length} bytes is larger than the limit of {limit}")]
    MessageTooLarge {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The data would exceed its memory budget.
    #[error("the data is too large")]
    OverBudget(#[from] OverBudget),
    /// Arrow rejected the data.
    #[error("invalid Arrow data")]
    Arrow(#[from] ArrowError),
    /// The bytes could not be written.
    #[error("cannot write the table")]
    Write(#[from] std::io::Error),
}

impl SegmentError {
    pub(crate) fn system(call: &'static str, errno: rustix::io::Errno) -> Self {
        Self::System { call, source: errno.into() }
    }

    pub(crate) fn bad_stream(reason: impl Into<String>) -> Self {
        Self::BadStream { reason: reason.into() }
    }
}
