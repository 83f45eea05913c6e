//! Errors of engines. None of them is the script's fault.

use super::installed::NoAnswer;
use super::refusal::Refusal;
use crate::listener::SOCKET_PATH_BYTES;
use longshore_model::causes::chain;
use longshore_model::engine_kind::EngineKind;
use longshore_model::remedy::Remedy;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// An engine, or what it needs, failed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// No engine answers.
    #[error(transparent)]
    Unreachable(#[from] NoAnswer),
    /// No engine answers, but the machine has one: a script is not run without isolation only because an engine is
    /// down.
    #[error(
        "cannot run the script without isolation: `auto` does so only where no container engine is installed, and {found}"
    )]
    NoIsolation {
        /// The evidence that an engine is installed.
        found: String,
        /// Why it does not answer.
        #[source]
        source: Box<EngineError>,
    },
    /// None of the engines that were tried can be used.
    #[error("cannot use any engine: {}", reasons(tried))]
    NoneUsable {
        /// Each with its reason; empty if this program has none of the requested kind.
        tried: Vec<Tried>,
    },
    /// The image existed, but was removed since.
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
    #[error("cannot find the agent: there is no `{path}`")]
    NoAgent {
        /// The path that was searched.
        path: PathBuf,
    },
    /// An image needs this machine's agent, which is missing.
    #[error("cannot find an agent: the image `{image}` has none, and the agent of this machine is missing at `{path}`")]
    NoAgentForImage {
        /// The image.
        image: String,
        /// The path that was searched for the agent.
        path: PathBuf,
    },
    /// An image declares a Longshore agent, but has none.
    #[error(
        "the image `{image}` declares a Longshore agent (label `longshore.agent`, or its entry point), but has no \
         `{path}`: rebuild it, with the agent or without the declaration"
    )]
    AgentNotInImage {
        /// The image.
        image: String,
        /// The agent's path in the image.
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
    /// The folder of run directories is not private to this user, or cannot be created.
    #[error("cannot use `{path}` for the sockets of runs")]
    RuntimeFolder {
        /// The folder.
        path: PathBuf,
        /// The cause, and what to do.
        #[source]
        source: std::io::Error,
    },
    /// The path of a run's socket is too long for a socket address.
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
    /// The path of a mount no longer leads to the file that was checked.
    #[error("`{path}` was replaced after it was checked, so it is not shared with the container: run it again")]
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// A folder or socket of the run could not be created.
    #[error("cannot create `{path}`")]
    RunDirectory {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl EngineError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Unreachable(error) => error.remedy(),
            Self::NoIsolation { .. } => Some(Remedy::UseProcesses),
            Self::NoneUsable { tried } => tried.iter().find_map(|tried| tried.reason.remedy()),
            Self::NoAgent { .. } | Self::NoAgentForImage { .. } => Some(Remedy::BuildAgent),
            _ => None,
        }
    }
}

/// An engine that was tried, and why it cannot be used.
#[derive(Debug)]
pub struct Tried {
    /// Its kind.
    pub kind: EngineKind,
    /// The reason.
    pub reason: EngineError,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.kind.name(), chain(&self.reason))
    }
}

fn reasons(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "this program has none of that kind".to_owned();
    }
    tried.iter().map(Tried::to_string).collect::<Vec<_>>().join("; ")
}
