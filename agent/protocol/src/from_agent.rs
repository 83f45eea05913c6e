//! Messages from the agent to the host, after its Hello: that the script runs, its output, and how it ended.

use crate::message::Message;
use crate::payload::Carries;
use serde::{Deserialize, Serialize};

/// A message from the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    /// The prepared interpreter waits for its run. The report that it wrote about that is inline.
    Ready {
        /// Whether it has printed anything.
        printed: bool,
        /// Resident memory of the interpreter that it shares with no file, in bytes.
        memory_bytes: u64,
    },
    /// The interpreter was started, or goes on with its run.
    Started {
        /// Its process id, as the agent sees it.
        pid: u32,
    },
    /// Bytes that the script or a child of it printed, inline. They need not be valid text.
    Log {
        /// Where they were printed.
        source: LogSource,
    },
    /// The script has ended; the processes that it left behind are being killed. Sent only if the host asked for it.
    Ended {
        /// Exit code or signal of the interpreter.
        status: ExitStatus,
    },
    /// A part of a file that the script left in its working folder, inline, after its end and only if the host asked
    /// for it. Parts are in order, file after file; a file that is incomplete when another path or the exit arrives was
    /// abandoned.
    Kept {
        /// Relative to the working folder, `/` between its parts, no `..`.
        path: String,
        /// Whether it may be executed.
        executable: bool,
        /// Whether this is the file's last part.
        last: bool,
    },
    /// The script has ended and none of its processes is left. The agent's last message.
    Exited(Exit),
    /// The script could not be started. The agent's last message.
    Failed {
        /// Why, for a person.
        reason: String,
    },
}

impl Message for FromAgent {
    const DIRECTION: &'static str = "from the agent";
    const NAMES: &'static [&'static str] = &["ready", "started", "log", "ended", "kept", "exited", "failed"];

    fn carries(&self) -> Carries {
        match self {
            Self::Log { .. } => Carries::Inline,
            Self::Ready { .. } | Self::Kept { .. } => Carries::InlineOrNothing,
            _ => Carries::Nothing,
        }
    }
}

/// One of a script's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How the script ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code or signal of the interpreter.
    pub status: ExitStatus,
    /// Whether the kernel killed a process of the container because memory ran out.
    pub out_of_memory: bool,
    /// The resources it used.
    pub usage: Usage,
    /// The bytes it printed beyond the limit.
    pub dropped: Dropped,
    /// Processes that the script left behind and the agent killed.
    pub left_behind: u32,
    /// What was not sent of the working folder, if the host asked for it. An agent without this feature omits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// Entries of the working folder that were not sent, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Links, sockets, pipes and devices.
    pub special: u64,
    /// Files and folders that could not be read, or whose names are not text or are too long.
    pub unreadable: u64,
    /// Files beyond the limits, or beyond the deadline for sending.
    pub beyond: u64,
}

/// The exit status of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It exited by itself with this code.
    Code(u8),
    /// This signal ended it.
    Signal(u8),
}

/// Resources that the script's processes used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time of all processes, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Time from start to end, in seconds.
    pub wall_seconds: f64,
    /// Largest resident size of any one process, in bytes.
    pub peak_memory_bytes: u64,
}

/// Bytes that were printed but not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dropped {
    /// Of standard output.
    pub stdout: u64,
    /// Of standard error.
    pub stderr: u64,
}
