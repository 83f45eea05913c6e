//! Why an Arrow file or stream is not read: it is damaged, or it has a feature that is not supported.

use crate::error::TableError;
use crate::room::TooLarge;
use std::fmt;
use std::path::Path;

/// Why it is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is damaged.
    Damaged(String),
    /// It is valid, but has a feature that is not supported.
    Unreadable(String),
}

impl Fault {
    /// The error of the file at `path`.
    pub(crate) fn of(self, path: &Path) -> TableError {
        let path = path.to_owned();
        match self {
            Self::Damaged(reason) => TableError::Damaged { path, reason },
            Self::Unreadable(reason) => TableError::Unreadable { path, reason },
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Damaged(reason)
    }
}

impl From<TooLarge> for Fault {
    fn from(refused: TooLarge) -> Self {
        Self::Unreadable(refused.into())
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Damaged(reason.to_owned())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(reason) | Self::Unreadable(reason) => f.write_str(reason),
        }
    }
}
