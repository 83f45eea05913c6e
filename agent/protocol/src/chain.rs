//! The chain that a caller asks for: a run for each step, and the tables that pass between them. The host checks all of
//! it before anything starts.

use crate::from_script::OutputName;
use crate::submission::Submission;
use serde::{Deserialize, Serialize};

/// The capability of a host that runs chains: it accepts `chain`.
pub const CHAINS: &str = "chain";

/// A chain that a caller asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmittedChain {
    /// Its steps, at most [`crate::limits::STEPS_MAX`].
    pub steps: Vec<SubmittedStep>,
    /// The tables that pass between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<SubmittedConnection>,
}

/// A step of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmittedStep {
    /// Its name; that of its block if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it runs.
    pub run: Submission,
}

/// A table that passes from one step to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedConnection {
    /// The step that writes it: its position from 0, or its name.
    pub from: OutputName,
    /// Its output there.
    pub output: OutputName,
    /// The step that reads it.
    pub to: OutputName,
    /// Its input there: a number from 0 or a name.
    pub input: OutputName,
}

/// Whether a step is the first, or the only one: its number is not written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(crate) fn is_first(step: &u32) -> bool {
    *step == 0
}
