//! One case of a block: its inputs and its expected outputs. `case_file.rs` reads it from a file.

use longshore_block::GivenValue;
use longshore_model::outcome::Outcome;
use longshore_protocol::OutputName;
use std::path::PathBuf;
use std::time::Duration;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The case's name: that of its file, without `.toml`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The block's folder.
    pub block: PathBuf,
    /// A description for readers.
    pub description: Option<String>,
    /// Tables for the block's inputs, by number.
    pub inputs: Vec<(usize, TableText)>,
    /// Values for its options; paths of files are below the case file's folder.
    pub options: Vec<(String, GivenValue)>,
    /// The expected outcome.
    pub outcome: Outcome,
    /// The expected message; `…` matches anything.
    pub message: Option<String>,
    /// The time limit.
    pub timeout: Duration,
    /// The expected outputs.
    pub outputs: Vec<ExpectedOutput>,
}

/// A table of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableText {
    /// A file.
    File(PathBuf),
    /// CSV, in the case file itself.
    Inline(String),
}

/// The expectation of an output.
#[derive(Debug, Clone)]
pub struct ExpectedOutput {
    /// The output, by its id if the block declares it.
    pub output: OutputName,
    /// The table; `None` where the script must not write it.
    pub table: Option<TableText>,
    /// The tolerance of numbers; see [`crate::Comparison`].
    pub tolerance: Option<f64>,
    /// Whether rows may be in any order.
    pub ignore_row_order: bool,
}

impl ExpectedOutput {
    /// Its name in messages: `output 1`, or `` output `totals` ``.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.output {
            OutputName::Number(number) => format!("output {number}"),
            OutputName::Id(id) => format!("output `{id}`"),
        }
    }
}
