//! How far the layers of an image are while it is pulled.

/// How far a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerProgress {
    /// The layer, as its engine calls it: the first digits of its digest.
    pub id: String,
    /// What is done to it.
    pub status: LayerStatus,
    /// Bytes of it that are done, in this status.
    pub current: u64,
    /// Its bytes, where they are known.
    pub total: Option<u64>,
}

/// What is done to a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerStatus {
    /// Nothing yet; others come first, or the engine tries again.
    Waiting,
    /// It comes from the registry.
    Downloading,
    /// It has come, and is looked at.
    Downloaded,
    /// It is unpacked.
    Extracting,
    /// It is here, or was before.
    Complete,
}
