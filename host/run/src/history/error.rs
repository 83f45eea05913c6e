//! What can go wrong with the history of runs.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The history of runs cannot be had, or has no such run.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// A file or folder of it cannot be read, written or removed.
    #[error("the history of runs in `{path}` cannot be {what}")]
    Folder {
        /// Where it is.
        path: PathBuf,
        /// `read`, `written` or `removed`.
        what: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is no such run.
    #[error("there is no run `{reference}` in the history: `longshore runs list` has those that there are")]
    Unknown {
        /// What was asked for.
        reference: String,
    },
    /// Several runs begin so.
    #[error("`{reference}` may be any of {}: give more of it", runs.join(", "))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// The runs that it may be.
        runs: Vec<String>,
    },
    /// A run that goes on cannot be removed.
    #[error("the run `{run}` goes on: it can be removed when it has ended")]
    Running {
        /// The run.
        run: String,
    },
}
