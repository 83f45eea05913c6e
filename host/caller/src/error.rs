//! Errors of a caller.

use crate::process::Process;
use longshore_protocol::ConnectionError;
use longshore_segment::SegmentError;
use std::path::PathBuf;
use thiserror::Error;

/// A host cannot be asked for a run, or a run is lost.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallerError {
    /// No host listens there.
    #[error("no Longshore host listens on `{}`", path.display())]
    NotThere {
        /// The socket.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The socket is not this user's.
    #[error("the host that listens on `{}` belongs to the user {uid}, not to this one", path.display())]
    NotOurs {
        /// The socket.
        path: PathBuf,
        /// The user id of the process that listens.
        uid: u32,
    },
    /// The host did not accept the connection, answer, or read on in time. Nothing was started.
    #[error("the host does not answer: {}", cause(*seconds, process.as_ref()))]
    Hanging {
        /// How long was waited for it.
        seconds: u64,
        /// The process that listens, if it is known.
        process: Option<Process>,
    },
    /// The caller does not wait any longer. Nothing was started.
    #[error("the run was cancelled before the start")]
    Stopped,
    /// The host refuses this caller.
    #[error("the host refuses the connection: {reason}")]
    Refused {
        /// The host's reason.
        reason: String,
    },
    /// The host is of a version that runs no chains. Nothing was started.
    #[error("the host runs no chains: it is {host}, which is older; restart it with this version")]
    NoChains {
        /// Its name and version.
        host: String,
    },
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The connection ended before the run's record.
    #[error("the host ended before the run: its outcome is unknown")]
    Lost,
    /// A table cannot be kept in shared memory.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A table of the caller's cannot be read.
    #[error(transparent)]
    Table(arrow_schema::ArrowError),
    /// The record of the run is not JSON.
    #[error("the host sent a record that cannot be read")]
    Record(#[source] serde_json::Error),
    /// A file of the block cannot be read.
    #[error("cannot read `{path}` of the block")]
    File {
        /// Its path in the block.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

fn cause(seconds: u64, process: Option<&Process>) -> String {
    match process {
        Some(Process { id, is_stopped: true }) => format!("its process {id} is stopped"),
        Some(Process { id, .. }) => format!("its process {id} has been silent for {seconds} s"),
        None => format!("it has been silent for {seconds} s"),
    }
}
