//! What fields of a form without a value mean: programs leave them out, browsers send them.

/// What an empty option, and a file field without a file, mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blank {
    /// An empty value.
    Given,
    /// No value.
    Unset,
}
