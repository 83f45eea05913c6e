//! A finding about one requirement of runs.

use serde::Serialize;

/// The state of one requirement of runs.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// The requirement.
    pub subject: String,
    /// Whether it is met.
    pub healthy: bool,
    /// The finding.
    pub finding: String,
    /// The command that fixes it.
    pub remedy: Option<String>,
}

impl Diagnosis {
    /// The requirement is met.
    pub(crate) fn good(subject: &str, finding: impl Into<String>) -> Self {
        Self { subject: subject.into(), healthy: true, finding: finding.into(), remedy: None }
    }

    /// The requirement is not met; the command fixes it.
    pub(crate) fn bad(subject: &str, finding: impl Into<String>, remedy: &str) -> Self {
        Self { subject: subject.into(), healthy: false, finding: finding.into(), remedy: Some(remedy.into()) }
    }
}
