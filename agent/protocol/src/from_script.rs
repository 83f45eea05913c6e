//! Messages from the SDK in the script to the host, after its Hello: it reads inputs, writes outputs, reports progress,
//! and sends its final word.

use crate::message::Message;
use crate::payload::Carries;
use crate::stream::{ArenaId, StreamId};
use serde::{Deserialize, Serialize};

/// A message from the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromScript {
    /// Asks for an input. Answered by Opened, then Data and End, or by Drop.
    OpenInput {
        /// A number that this connection has not used.
        stream: StreamId,
        /// The input, from 0.
        input: u32,
        /// How its rows should be delivered.
        delivery: Delivery,
    },
    /// Asks to append to an output. Answered by Opened, or by Drop.
    OpenOutput {
        /// A number that this connection has not used.
        stream: StreamId,
        /// Which output.
        output: OutputName,
    },
    /// Asks for an arena. Answered by Lend; beyond [`crate::limits::ARENAS_MAX`] it breaks the protocol.
    Borrow,
    /// The next bytes of an output's Arrow IPC stream, cut anywhere.
    Data {
        /// The stream.
        stream: StreamId,
        /// Where the bytes are.
        place: Place,
    },
    /// The output's table is complete. Answered by Accepted or Drop.
    End {
        /// The stream.
        stream: StreamId,
    },
    /// The script needs no more of an input, or abandons an output's table before its end.
    Drop {
        /// The stream.
        stream: StreamId,
    },
    /// Data of an input was consumed.
    Ack {
        /// The stream.
        stream: StreamId,
        /// Bytes consumed.
        bytes: u64,
    },
    /// A message to show.
    Message {
        /// Its text.
        text: String,
    },
    /// The script's progress.
    Progress {
        /// From 0 to 1.
        fraction: f64,
        /// What the script is doing.
        text: Option<String>,
    },
    /// An error message to show and log; it does not end the run.
    Error {
        /// Its text.
        text: String,
    },
    /// An uncaught exception is about to end the script.
    Uncaught {
        /// One line, such as `ValueError: no such field`.
        summary: String,
    },
    /// The script's final word; the first one counts.
    Verdict {
        /// The word.
        word: Word,
        /// The final message.
        message: Option<String>,
    },
}

impl Message for FromScript {
    const DIRECTION: &'static str = "from the script";
    const NAMES: &'static [&'static str] = &[
        "open_input",
        "open_output",
        "borrow",
        "data",
        "end",
        "drop",
        "ack",
        "message",
        "progress",
        "error",
        "uncaught",
        "verdict",
    ];

    fn carries(&self) -> Carries {
        match self {
            Self::Data { place: Place::Inline, .. } => Carries::Inline,
            _ => Carries::Nothing,
        }
    }
}

/// How an input's rows should be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// As one record batch in one segment, if the host can hold it.
    Whole,
    /// As record batches, up to one window at a time.
    Batches,
}

/// An output by position or by id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OutputName {
    /// Position among the manifest's outputs, from 0.
    Number(u32),
    /// The output's id in the manifest.
    Id(String),
}

/// Where the bytes of Data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the frame's inline payload.
    Inline,
    /// At the start of an arena that the script has on loan; it gives the arena back with this message.
    Arena {
        /// Which arena.
        arena: ArenaId,
        /// Bytes used, from the arena's start.
        length: u64,
    },
}

/// A script's final word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Success.
    Commit,
    /// Success, under its older name.
    Close,
    /// The run ends as cancelled; outputs are discarded.
    Cancel,
    /// The run fails.
    Abort,
}
