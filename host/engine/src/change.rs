//! What an engine tells of itself while it stays connected.

/// A change of an engine on which answers depend that were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChange {
    /// Images or their names.
    Images,
    /// Its configuration: it is connected anew.
    Configuration,
}
