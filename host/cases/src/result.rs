//! The result of a case.

use super::difference::TableDifference;
use longshore_model::note::Note;
use longshore_model::outcome::Outcome;
use longshore_model::shown::Shown;
use longshore_run::record::RunRecord;
use serde::Serialize;
use std::path::PathBuf;

/// The result of a case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// The differences from the expectations; empty if it passed.
    pub problems: Vec<Problem>,
    /// Expected tables that were updated.
    pub updated: Vec<PathBuf>,
    /// The last of what the script printed, 16 KiB at most.
    pub printed: String,
    /// Notes for the user: a fallback to another engine, ignored entries of the manifest.
    pub notes: Vec<Note>,
    /// The run.
    pub run: RunRecord,
}

/// Something that is not as expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// It ended with another outcome.
    Outcome {
        /// The expected outcome.
        expected: Outcome,
        /// The actual outcome.
        actual: Outcome,
        /// The run's message.
        message: Option<String>,
    },
    /// It ended with another message.
    Message {
        /// The expected message; `…` matches anything.
        expected: String,
        /// The actual message.
        actual: Option<String>,
    },
    /// An output was not written.
    Unwritten {
        /// Such as `output 0`.
        output: String,
    },
    /// An output was written that should not have been.
    Written {
        /// Such as `output 0`.
        output: String,
        /// The number of its rows.
        rows: u64,
    },
    /// An output cannot be read in the expected format.
    Unreadable {
        /// Such as `output 0`.
        output: String,
        /// Why.
        reason: String,
    },
    /// An output differs from the expected table.
    Table {
        /// Such as `output 0`.
        output: String,
        /// The difference.
        difference: TableDifference,
    },
}

impl CaseResult {
    /// Whether the case passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether the machine failed, so that nothing is known about the block.
    #[must_use]
    pub fn engine_failed(&self) -> bool {
        let failed = [Outcome::EngineFailed, Outcome::EnvironmentFailed, Outcome::ImageFailed, Outcome::PublishFailed];
        failed.contains(&self.run.outcome)
    }
}

impl Problem {
    /// The problem as lines of text.
    #[must_use]
    pub fn describe(&self) -> Shown {
        match self {
            Self::Outcome { expected, actual, message } => {
                let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
                let lines =
                    [format!("it {}{message}", actual.phrase()), format!("expected that it {}", expected.phrase())];
                lines.iter().map(Shown::line).collect()
            }
            Self::Message { expected, actual } => {
                let actual = actual.as_ref().map_or("no message".into(), |message| format!("`{message}`"));
                Shown::line(format!("it ended with {actual}, expected `{expected}`"))
            }
            Self::Unwritten { output } => Shown::line(format!("{output} was not written")),
            Self::Written { output, rows } => {
                Shown::line(format!("{output} was written ({rows} rows), expected no output"))
            }
            Self::Unreadable { output, reason } => Shown::line(format!("{output} cannot be compared: {reason}")),
            Self::Table { output, difference } => {
                let mut shown = Shown::line(format!("{output} is not as expected:"));
                shown += difference.describe().indented();
                shown
            }
        }
    }
}
