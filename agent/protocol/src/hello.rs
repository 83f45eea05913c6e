//! Hello, the first frame of every connection, sent by the side that connects. Its keys never change: a host of any age
//! can decode it, at least to report that it is too old or too new.

use crate::message::Message;
use crate::software::Software;
use crate::version::VersionRange;
use serde::{Deserialize, Serialize};

/// The sender of Hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// PID 1 of the container. Exactly one per run, and always the first to connect.
    Agent,
    /// The SDK in the script. At most one at a time.
    Script,
    /// A program that asks a resident host for runs.
    Caller,
}

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "hello")]
pub struct Hello {
    /// The sender.
    pub role: Role,
    /// The protocol versions it speaks.
    pub protocol: VersionRange,
    /// Its name and version.
    pub software: Software,
    /// Whether its transport passes descriptors (a Unix socket does).
    pub descriptors: bool,
    /// What it supports beyond its versions, such as [`PREPARES`]. Unknown ones are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

/// The capability of an agent that starts an interpreter before the run is known: it accepts `prepare`.
pub const PREPARES: &str = "prepare";

impl Hello {
    /// Whether the sender has this capability.
    #[must_use]
    pub fn is_capable_of(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|named| named == capability)
    }
}

impl Message for Hello {
    const DIRECTION: &'static str = "as the first message";
    const NAMES: &'static [&'static str] = &["hello"];
}
