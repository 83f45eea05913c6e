//! Errors of the run history.

use longshore_model::remedy::Remedy;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The run history cannot be used, or has no such run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A file or folder of it cannot be read, written or removed.
    #[error("cannot {what} the run history in `{path}`")]
    Folder {
        /// The path.
        path: PathBuf,
        /// `read`, `write` or `remove`.
        what: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is no such run.
    #[error("there is no run `{reference}` in the history")]
    Unknown {
        /// The given reference.
        reference: String,
    },
    /// Several runs match.
    #[error("`{reference}` matches several runs, {}: give more characters of the id", runs.join(", "))]
    Ambiguous {
        /// The given reference.
        reference: String,
        /// The matching runs.
        runs: Vec<String>,
    },
    /// A running run cannot be removed.
    #[error("cannot remove the run `{run}`: it is still running")]
    Running {
        /// The run.
        run: String,
    },
}

impl HistoryError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        matches!(self, Self::Unknown { .. }).then_some(Remedy::ListRuns)
    }
}
