//! The name and version of a program: shown in Hello, and in errors about incompatible protocol versions.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A program and its version, only for messages to users: no decision depends on it.
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
