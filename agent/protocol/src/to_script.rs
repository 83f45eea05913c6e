//! Messages from the host to the SDK in the script: the run's facts and options, inputs, arenas, and the acceptance of
//! outputs.

use crate::message::Message;
use crate::payload::Carries;
use crate::stream::{ArenaId, StreamId};
use crate::version::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A message to the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToScript {
    /// The answer to Hello.
    Welcome {
        /// The version that both sides now speak.
        protocol: Version,
        /// Whether descriptors pass on this connection.
        descriptors: bool,
        /// Facts about the run for the script.
        run: RunFacts,
    },
    /// The answer to a Hello that is refused. The host closes the connection.
    Refused {
        /// The reason, for the user.
        reason: String,
    },
    /// A stream is open. An input without a connected table is not an error: it has no Data and no End.
    Opened {
        /// The stream.
        stream: StreamId,
        /// Whether a table is connected there.
        connected: bool,
    },
    /// The next bytes of an input's Arrow IPC stream: whole messages, inline or as a sealed segment. Inline ones may
    /// be cut anywhere.
    Data {
        /// The stream.
        stream: StreamId,
    },
    /// The input is complete.
    End {
        /// The stream.
        stream: StreamId,
    },
    /// An output's table has arrived completely and was accepted.
    Accepted {
        /// The stream.
        stream: StreamId,
        /// Its rows.
        rows: u64,
    },
    /// The host abandons the stream: the input cannot be read, or the output cannot be accepted.
    Drop {
        /// The stream.
        stream: StreamId,
        /// The reason, for the user.
        reason: String,
    },
    /// Inline data of an output was consumed.
    Ack {
        /// The stream.
        stream: StreamId,
        /// Bytes consumed.
        bytes: u64,
    },
    /// An arena for outputs, as a descriptor; the script owns it until it returns it with Data.
    Lend {
        /// The arena.
        arena: ArenaId,
    },
    /// An arena returned with Data is empty again; the script owns it.
    Return {
        /// The arena.
        arena: ArenaId,
    },
}

impl Message for ToScript {
    const DIRECTION: &'static str = "to the script";
    const NAMES: &'static [&'static str] =
        &["welcome", "refused", "opened", "data", "end", "accepted", "drop", "ack", "lend", "return"];

    fn carries(&self) -> Carries {
        match self {
            Self::Data { .. } => Carries::DescriptorOrInline,
            Self::Lend { .. } => Carries::Descriptor,
            _ => Carries::Nothing,
        }
    }
}

/// Facts about a run for the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run's id.
    pub run_id: String,
    /// The block's name.
    pub block_name: String,
    /// The script's file name.
    pub file_name: String,
    /// Whether the run is in a container.
    pub container: bool,
    /// Whether the script transforms a stream chunk by chunk.
    pub streaming: bool,
    /// Maximum rows of a chunk, if it does; omitted otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_rows: Option<u32>,
    /// The options by name, as the script receives them. Holds secrets.
    pub options: Map<String, Value>,
    /// Ids of the declared outputs, in order; empty if the block declares none.
    pub outputs: Vec<String>,
    /// Names of the declared inputs, in order; empty if the block declares none, omitted by older hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<String>>,
}
