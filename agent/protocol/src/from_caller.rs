//! Messages from a caller to the host, after its Hello: the run that it asks for, what belongs to it, and when to stop.
//! One connection is one run.

use crate::chain::{SubmittedChain, is_first};
use crate::message::Message;
use crate::payload::Carries;
use crate::submission::Submission;
use serde::{Deserialize, Serialize};

/// A message from a caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromCaller {
    /// The run that is asked for. Sent once, first.
    Submit(Box<Submission>),
    /// A chain of blocks instead of one run, for hosts with the capability [`CHAINS`](crate::CHAINS). Sent once, first.
    /// What follows says which step it belongs to.
    Chain(SubmittedChain),
    /// A part of one of the block's files, inline, if the block is sent along; parts come in order, file after file.
    File {
        /// The position of the step that it belongs to, in a chain.
        #[serde(default, skip_serializing_if = "is_first")]
        step: u32,
        /// Relative to the block's folder, `/` between its parts, no `..`.
        path: String,
        /// Whether it may be executed.
        executable: bool,
        /// Whether this is the file's last part.
        last: bool,
    },
    /// A table for an input, an Arrow IPC stream: as a segment, or inline and cut anywhere.
    Table {
        /// The position of the step that it belongs to, in a chain.
        #[serde(default, skip_serializing_if = "is_first")]
        step: u32,
        /// The input's position in the submission.
        input: u32,
        /// Whether this is the table's last part. A segment is all of it.
        last: bool,
    },
    /// An open file for an input, as a descriptor.
    Source {
        /// The position of the step that it belongs to, in a chain.
        #[serde(default, skip_serializing_if = "is_first")]
        step: u32,
        /// The input's position in the submission.
        input: u32,
    },
    /// An open file for an output, as a descriptor.
    Sink {
        /// The position of the step that it belongs to, in a chain.
        #[serde(default, skip_serializing_if = "is_first")]
        step: u32,
        /// The output's position in the submission.
        output: u32,
    },
    /// Everything has been sent, and the host is asked whether it has received it.
    Sent,
    /// Everything has been sent: start the run.
    Start,
    /// End the run: its script is asked to end, then signalled, then killed.
    Cancel,
    /// End the run at once.
    Kill,
}

impl Message for FromCaller {
    const DIRECTION: &'static str = "from a caller";
    const NAMES: &'static [&'static str] =
        &["submit", "chain", "file", "table", "source", "sink", "sent", "start", "cancel", "kill"];

    fn carries(&self) -> Carries {
        match self {
            Self::File { .. } => Carries::InlineOrNothing,
            Self::Table { .. } => Carries::DescriptorOrInline,
            Self::Source { .. } | Self::Sink { .. } => Carries::Descriptor,
            _ => Carries::Nothing,
        }
    }
}
