//! Errors of the agent itself. Errors of the script are reported to the host instead.

use longshore_protocol::ConnectionError;
use std::path::PathBuf;
use thiserror::Error;

/// The agent cannot go on.
#[derive(Debug, Error)]
pub(crate) enum AgentError {
    /// The host's connection has ended.
    #[error("the host has closed the connection")]
    HostGone,
    /// The host's socket cannot be reached.
    #[error("cannot connect to the host at `{path}`")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The cause.
        #[source]
        source: ConnectionError,
    },
    /// The host refused this agent.
    #[error("the host refused this agent: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
    /// The connection failed.
    #[error("the connection to the host failed")]
    Connection(#[from] ConnectionError),
    /// A system call failed.
    #[error("`{call}` failed")]
    System {
        /// The system call.
        call: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl AgentError {
    pub(crate) fn system(call: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { call, source }
    }
}

/// The script cannot be started: reported to the host.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// A file's path is not one that a block may have.
    #[error("the file path `{path}` is not allowed: it must be relative, without `..`, and at most 4096 bytes long")]
    BadPath {
        /// The path.
        path: String,
    },
    /// A file could not be written.
    #[error("cannot write `{path}` into the working folder: {source}")]
    Write {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Parts of two files are mixed.
    #[error("received a part of `{path}` before `{open}` was complete")]
    Mixed {
        /// The file whose part was received.
        path: String,
        /// The incomplete file.
        open: String,
    },
    /// The agent may not touch files as the script.
    #[error("cannot write files as user {user}: {source}")]
    Files {
        /// The script's user.
        user: u32,
        /// The cause.
        source: std::io::Error,
    },
    /// The run is of another program than the one that was prepared.
    #[error("the run is of another program than the one that was prepared")]
    OtherProgram,
    /// The command is empty.
    #[error("no program to start")]
    NoProgram,
    /// The interpreter could not be started.
    #[error("cannot start `{program}`: {source}{}", also(found))]
    Spawn {
        /// The program.
        program: String,
        /// The cause.
        source: std::io::Error,
        /// Programs of similar names in the `PATH`.
        found: Vec<String>,
    },
}

fn also(found: &[String]) -> String {
    if found.is_empty() { String::new() } else { format!("; found `{}`", found.join("`, `")) }
}
