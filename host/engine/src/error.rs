//! What can go wrong with engines. None of it is the script's fault.

use super::installed::NoAnswer;
use super::refusal::Refusal;
use crate::listener::SOCKET_PATH_BYTES;
use std::path::PathBuf;
use thiserror::Error;

/// An engine, or what it needs, failed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// No engine answers.
    #[error(transparent)]
    Unreachable(#[from] NoAnswer),
    /// No engine answers, and the machine has one: a script is not run without isolation because an engine is down.
    #[error(
        "`auto` runs scripts without isolation only where no container engine is installed, and {found}; \
         `--engine process` runs them so"
    )]
    NoIsolation {
        /// What shows that there is one.
        found: String,
        /// Why it does not answer.
        #[source]
        source: NoAnswer,
    },
    /// The image was there, and is no more.
    #[error("the image was removed before its container was created: run it again")]
    ImageGone,
    /// The engine refused or failed.
    #[error("{doing} failed")]
    Engine {
        /// Such as `creating the container`.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Refusal,
    },
    /// The agent's binary is missing.
    #[error(
        "the agent is missing at `{path}`: build it with `make build`, or name it in the environment variable \
         `LONGSHORE_AGENT`"
    )]
    NoAgent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// An image needs this machine's agent, which is missing.
    #[error(
        "the image `{image}` has no Longshore agent, and the agent of this machine is missing at `{path}`: build \
         it with `make build`, or name it in the environment variable `LONGSHORE_AGENT`"
    )]
    NoAgentForImage {
        /// The image.
        image: String,
        /// Where the agent was looked for.
        path: PathBuf,
    },
    /// An image says that it has our agent, and has not.
    #[error(
        "the image `{image}` declares a Longshore agent (label `longshore.agent`, or its entry point), but has no \
         `{path}`: rebuild it, with the agent or without the declaration"
    )]
    AgentNotInImage {
        /// The image.
        image: String,
        /// Where the agent should be in it.
        path: &'static str,
    },
    /// The agent could not be started.
    #[error("cannot start the agent `{path}`")]
    StartAgent {
        /// Its binary.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The folder in which runs have theirs is not this user's alone, or cannot be made.
    #[error("cannot use `{path}` for the sockets of runs")]
    RuntimeFolder {
        /// The folder.
        path: PathBuf,
        /// The cause, and what to do.
        #[source]
        source: std::io::Error,
    },
    /// The path of a run's socket does not fit into an address.
    #[error(
        "the path of the socket `{path}` has {bytes} bytes, more than the limit of \
         {SOCKET_PATH_BYTES}: set `XDG_RUNTIME_DIR` to a folder with a shorter path"
    )]
    SocketPath {
        /// The path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// Another file than the one that was checked is where a container would see it.
    #[error("`{path}` was replaced after it was checked, so it is not shared with the container: run it again")]
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// A folder or socket of the run could not be made.
    #[error("cannot create `{path}`")]
    RunDirectory {
        /// What.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}
