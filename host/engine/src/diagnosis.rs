//! A finding about one requirement of runs.

use longshore_model::remedy::Remedy;

/// The state of one requirement of runs.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// The requirement.
    pub subject: String,
    /// Whether it is met.
    pub healthy: bool,
    /// The finding.
    pub finding: String,
    /// What fixes it.
    pub fix: Option<Fix>,
}

/// What fixes a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fix {
    /// A change of the machine: a command of its system, or what to do in words.
    Machine(String),
    /// What the caller can do with Longshore itself.
    Remedy(Remedy),
}

impl Diagnosis {
    /// The requirement is met.
    pub(crate) fn good(subject: &str, finding: impl Into<String>) -> Self {
        Self { subject: subject.into(), healthy: true, finding: finding.into(), fix: None }
    }

    /// The requirement is not met.
    pub(crate) fn bad(subject: &str, finding: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { subject: subject.into(), healthy: false, finding: finding.into(), fix: Some(fix.into()) }
    }
}

impl From<&str> for Fix {
    fn from(words: &str) -> Self {
        Self::Machine(words.to_owned())
    }
}

impl From<Remedy> for Fix {
    fn from(remedy: Remedy) -> Self {
        Self::Remedy(remedy)
    }
}
