//! The name and version by which a program is shown: in Hello, and where two programs have no protocol in common.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A program and its version, for messages to people only: nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// Such as `longshore-agent`.
    pub name: String,
    /// Such as `0.1.0`.
    pub version: String,
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}
