//! Messages from the host to a caller: what happens in its run, its tables, and its record.

use crate::chain::is_first;
use crate::from_agent::LogSource;
use crate::message::Message;
use crate::payload::Carries;
use crate::software::Software;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A message to a caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToCaller {
    /// The answer to Hello.
    Welcome {
        /// The version that both sides now speak.
        protocol: Version,
        /// Whether descriptors pass on this connection.
        descriptors: bool,
        /// The host's name and version.
        software: Software,
        /// A digest of the settings that runs depend on: equal for hosts with equal settings.
        settings: String,
        /// The same of those that runs without a container depend on besides, if the host makes any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        processes: Option<String>,
        /// What it can do beyond its version, such as [`CHAINS`](crate::CHAINS). Unknown ones are ignored.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        capabilities: Vec<String>,
    },
    /// The caller is refused, or has broken the protocol. The host closes the connection.
    Refused {
        /// The reason, for the user.
        reason: String,
    },
    /// The answer to `sent`: all of it has been received.
    Received,
    /// The run cannot be made: nothing was started. The last message.
    Rejected(Rejection),
    /// Something happened in the run. The first event is `begun`, with its id.
    Event {
        /// The event: an object in which `event` names its kind.
        event: Map<String, Value>,
    },
    /// Bytes that the script printed, inline. They need not be valid text.
    Log {
        /// Where they were printed.
        source: LogSource,
    },
    /// A table that the run returns, an Arrow IPC stream: as a segment, or inline and cut anywhere. Only of runs that
    /// have succeeded.
    Table {
        /// The position of the step whose output it is, in a chain.
        #[serde(default, skip_serializing_if = "is_first")]
        step: u32,
        /// The output's position in the submission.
        output: u32,
        /// Whether this is the table's last part. A segment is all of it.
        last: bool,
    },
    /// A table of an output without a target, if the submission asks for the others: as `table`.
    Other {
        /// The position of the step whose output it is, in a chain.
        #[serde(default, skip_serializing_if = "is_first")]
        step: u32,
        /// The output's number, from 0.
        number: u32,
        /// Whether this is the table's last part.
        last: bool,
    },
    /// A part of the run's record, inline: JSON, cut anywhere. The last part is the last message.
    Record {
        /// Whether this is the last part.
        last: bool,
    },
}

/// Why a run cannot be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// What is wrong, each in a sentence for the user.
    pub problems: Vec<String>,
    /// What the caller can do: an object in which `kind` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Value>,
    /// What was seen of tables that cannot be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub glances: Vec<Glimpse>,
    /// Whether it is about which tables are given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub about_inputs: bool,
    /// Whether the only reason is that the caller has cancelled it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// Whether the only reason is that too many runs wait already: it may be asked for again later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub busy: bool,
}

/// What was seen of a table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    /// The input's number, from 0.
    pub input: u32,
    /// Its format, with the compression around it.
    pub format: String,
    /// The options that read it so.
    pub options: Vec<(String, String)>,
    /// Its first rows.
    pub rows: Vec<Vec<String>>,
}

impl Message for ToCaller {
    const DIRECTION: &'static str = "to a caller";
    const NAMES: &'static [&'static str] =
        &["welcome", "refused", "received", "rejected", "event", "log", "table", "other", "record"];

    fn carries(&self) -> Carries {
        match self {
            Self::Log { .. } | Self::Record { .. } => Carries::Inline,
            Self::Table { .. } | Self::Other { .. } => Carries::DescriptorOrInline,
            _ => Carries::Nothing,
        }
    }
}
