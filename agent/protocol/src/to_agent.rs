//! Messages from the host to the agent: what to run, its files, and when to stop.

use crate::message::Message;
use crate::payload::Carries;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A message to the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// The answer to Hello.
    Welcome {
        /// The version that both sides now speak.
        protocol: Version,
        /// Whether descriptors pass on this connection.
        descriptors: bool,
    },
    /// The answer to a Hello that is refused. The host closes the connection.
    Refused {
        /// The reason, for the user.
        reason: String,
    },
    /// The interpreter to start before the run is known. Sent at most once, after Welcome, and only to an agent with the
    /// capability `prepare`. Files and Start follow; the agent answers with `ready`.
    Prepare(Prepare),
    /// The command to run. Sent once, after Welcome, or after the answer to Prepare.
    Begin(Begin),
    /// A part of one of the block's files, inline; parts come in order, file after file.
    File {
        /// Relative to the working folder, `/` between its parts, no `..`.
        path: String,
        /// Whether it may be executed.
        executable: bool,
        /// Whether this is the file's last part.
        last: bool,
    },
    /// All files are sent: start the script, or the interpreter that waits for it.
    Start,
    /// End the script: the ladder of [`Begin::ladder`], rung by rung.
    Cancel,
    /// End the script at once.
    Kill,
}

impl Message for ToAgent {
    const DIRECTION: &'static str = "to the agent";
    const NAMES: &'static [&'static str] =
        &["welcome", "refused", "prepare", "begin", "file", "start", "cancel", "kill"];

    fn carries(&self) -> Carries {
        match self {
            Self::File { .. } => Carries::InlineOrNothing,
            _ => Carries::Nothing,
        }
    }
}

/// The interpreter to start before the run is known: what shapes it at its start. A program of the host's, among the
/// files, makes it wait at the end of its start, before it reads the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepare {
    /// As in [`Begin`].
    pub program: Vec<String>,
    /// As in [`Begin`].
    pub environment: BTreeMap<String, String>,
    /// As in [`Begin`].
    pub folder: String,
    /// As in [`Begin`].
    pub user: Option<User>,
    /// As in [`Begin`].
    pub open_files: Option<u64>,
    /// A folder, relative to `folder`, in which the agent makes two named pipes. The interpreter writes its report into
    /// `ready`, and closes it when it waits; it goes on when it can read a byte from `go`. The run's arguments and
    /// environment are in the file `run` there by then.
    pub hold: String,
}

/// What to run and how. Of a prepared interpreter `program`, `folder`, `user` and `open_files` are those of [`Prepare`],
/// but for the script's arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// Program and arguments; the program is looked up in the `PATH` of `environment`.
    pub program: Vec<String>,
    /// The whole environment of the script. The agent adds `LONGSHORE_SOCKET`, `HOME`, `USER` and `LOGNAME`.
    pub environment: BTreeMap<String, String>,
    /// The working folder; it exists and is empty.
    pub folder: String,
    /// The script's user; `None` keeps the agent's own user.
    pub user: Option<User>,
    /// Bytes of stdout and stderr together that are forwarded; more is read, counted and dropped.
    pub log_bytes: u64,
    /// Open files of the script (`RLIMIT_NOFILE`); `None` keeps what the agent was given.
    pub open_files: Option<u64>,
    /// Deadlines of a cancellation.
    pub ladder: CancelLadder,
    /// Whether to send the files that the script leaves in the folder after its end, and at most how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepLimits>,
    /// Whether to report the script's end before the processes that it left behind have ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tell_end: bool,
}

/// How much of the working folder is sent when the script has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepLimits {
    /// Files.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// A user by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl User {
    /// The user that the agent becomes in a container where it starts as root, once its script, another user, has
    /// started.
    pub const AGENT: Self = Self { uid: 4355, gid: 4355 };
}

/// How long each rung of a cancellation may take before the next: interrupt, terminate, kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelLadder {
    /// Milliseconds from SIGINT to SIGTERM.
    pub interrupt_ms: u32,
    /// Milliseconds from SIGTERM to SIGKILL.
    pub terminate_ms: u32,
}
