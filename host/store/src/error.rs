//! Errors of the run history.

use longshore_model::remedy::Remedy;
use rusqlite::{ErrorCode, ffi};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The run history cannot be used, or has no such run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The database cannot be read or written.
    #[error("cannot {what} the run history in `{folder}`")]
    Store {
        /// The folder of the database.
        folder: PathBuf,
        /// `read`, `write` or `remove`.
        what: &'static str,
        /// The cause.
        #[source]
        source: StoreFailure,
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
    /// Only a running run can be cancelled.
    #[error("cannot cancel the run `{run}`: {}", if *lost { "its host was killed" } else { "it has ended" })]
    NotRunning {
        /// The run.
        run: String,
        /// Its host was killed before it ended.
        lost: bool,
    },
}

/// Tokens cannot be used, or there is no such token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The database cannot be read or written.
    #[error("cannot {what} the tokens in `{folder}`")]
    Store {
        /// The folder of the database.
        folder: PathBuf,
        /// `read` or `write`.
        what: &'static str,
        /// The cause.
        #[source]
        source: StoreFailure,
    },
    /// The name is not a valid one.
    #[error("`{name}` is not a valid name of a token: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// There is one with this name already.
    #[error("there is a token `{name}` already: revoke it first, or choose another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is no token with this name.
    #[error("there is no token `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The machine gives no random bytes.
    #[error("cannot create a token")]
    Random(#[source] io::Error),
}

/// Why the database cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreFailure {
    /// A file or folder cannot be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not a database of Longshore.
    #[error("`longshore.sqlite` is damaged, or a file of another program")]
    Damaged,
    /// A newer version of Longshore wrote it.
    #[error("a newer version of Longshore wrote it (format {found}; this version knows formats up to {known})")]
    Newer {
        /// Its format.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Another process writes for too long.
    #[error("another process has kept it locked for too long")]
    Locked,
    /// It cannot be written.
    #[error("it is read-only")]
    ReadOnly,
    /// The file system has no locks.
    #[error("its file system does not support locks")]
    NoLocks,
    /// Any other failure of the database.
    #[error("the database failed")]
    Database(#[source] rusqlite::Error),
    /// The record cannot be written as JSON.
    #[error("the record is not valid JSON")]
    Record(#[from] serde_json::Error),
    /// The thread that writes has ended.
    #[error("the thread that writes it ended early")]
    Ended,
}

impl HistoryError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Unknown { .. } => Some(Remedy::ListRuns),
            Self::Store { folder, source: StoreFailure::Damaged, .. } => {
                Some(Remedy::MoveDatabase { path: folder.display().to_string() })
            }
            Self::Store { source: StoreFailure::Newer { .. }, .. } => Some(Remedy::UseNewerVersion),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for StoreFailure {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = &error else { return Self::Database(error) };
        match (failure.code, failure.extended_code) {
            (ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt, _) => Self::Damaged,
            (ErrorCode::DiskFull, _) => Self::Full,
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Locked,
            (ErrorCode::ReadOnly, _) => Self::ReadOnly,
            (ErrorCode::FileLockingProtocolFailed, _)
            | (
                _,
                ffi::SQLITE_IOERR_LOCK
                | ffi::SQLITE_IOERR_RDLOCK
                | ffi::SQLITE_IOERR_UNLOCK
                | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
                | ffi::SQLITE_IOERR_SHMLOCK
                | ffi::SQLITE_IOERR_SHMMAP,
            ) => Self::NoLocks,
            _ => Self::Database(error),
        }
    }
}
