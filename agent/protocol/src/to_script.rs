//! What the host says to the SDK in the script: the run's facts and options, inputs, loans, and what became of
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
        /// What the script may know about its run.
        run: RunFacts,
    },
    /// The answer to a Hello that cannot be served. The host closes the connection.
    Refused {
        /// Why, for a person.
        reason: String,
    },
    /// A stream is open. An input that nothing is connected to is not an error: it has no Data and no End.
    Opened {
        /// The stream.
        stream: StreamId,
        /// Whether anything is connected there.
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
    /// An output's table has arrived whole and was found good.
    Accepted {
        /// The stream.
        stream: StreamId,
        /// Its rows.
        rows: u64,
    },
    /// The host gives the stream up: the input cannot be read, or the output cannot be taken.
    Drop {
        /// The stream.
        stream: StreamId,
        /// Why, for a person.
        reason: String,
    },
    /// Inline data of an output was consumed.
    Ack {
        /// The stream.
        stream: StreamId,
        /// Bytes consumed.
        bytes: u64,
    },
    /// An arena for outputs, as a descriptor; it is the script's until it gives it back with Data.
    Lend {
        /// The arena.
        arena: ArenaId,
    },
    /// An arena given back with Data is empty again, and the script's.
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

/// What a script may know about its run.
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
    /// Rows of a chunk at most, where it does; left out where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_rows: Option<u32>,
    /// The options by name, as the script receives them. Holds secrets.
    pub options: Map<String, Value>,
    /// Ids of the declared outputs, in order; empty where the block declares none.
    pub outputs: Vec<String>,
    /// Names of the declared inputs, in order; empty where the block declares none, left out by hosts of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<String>>,
}
