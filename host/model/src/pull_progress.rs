//! The progress of an image's layers during a pull.

use serde::{Deserialize, Serialize};

/// The progress of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerProgress {
    /// The layer's id from the engine: the first digits of its digest.
    pub id: String,
    /// Its status.
    pub status: LayerStatus,
    /// Bytes that are done, in this status.
    pub current: u64,
    /// Its size in bytes, if known.
    pub total: Option<u64>,
}

/// The status of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerStatus {
    /// Not started; it waits for other layers or for another attempt.
    Waiting,
    /// It is being downloaded.
    Downloading,
    /// It is downloaded, and is being verified.
    Downloaded,
    /// It is being unpacked.
    Extracting,
    /// It is done, or was there already.
    Complete,
}
