//! What was found of one thing that runs need.

use serde::Serialize;

/// One thing that runs need.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// What was looked at.
    pub subject: String,
    /// Whether it is as it should be.
    pub healthy: bool,
    /// What was found.
    pub finding: String,
    /// The command that mends it.
    pub remedy: Option<String>,
}

impl Diagnosis {
    /// It is as it should be.
    pub(crate) fn good(subject: &str, finding: impl Into<String>) -> Self {
        Self { subject: subject.into(), healthy: true, finding: finding.into(), remedy: None }
    }

    /// It is not, and this command mends it.
    pub(crate) fn bad(subject: &str, finding: impl Into<String>, remedy: &str) -> Self {
        Self { subject: subject.into(), healthy: false, finding: finding.into(), remedy: Some(remedy.into()) }
    }
}
