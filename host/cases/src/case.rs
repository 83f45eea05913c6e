//! One case of a block: its inputs and its expected outputs. `case_file.rs` reads it from a file.

use longshore_block::GivenValue;
use longshore_model::outcome::Outcome;
use longshore_protocol::OutputName;
use std::path::PathBuf;
use std::time::Duration;

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name: that of its file, without `.toml`.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The block's folder.
    pub block: PathBuf,
    /// What it shows, for people.
    pub description: Option<String>,
    /// Tables for the block's inputs, by number.
    pub inputs: Vec<(usize, TableText)>,
    /// Values for its options; paths of files are below the case file's folder.
    pub options: Vec<(String, GivenValue)>,
    /// How it must end.
    pub outcome: Outcome,
    /// Its final message, `…` standing for anything.
    pub message: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// What it must write.
    pub outputs: Vec<ExpectedOutput>,
}

/// A table that a case has, or names.
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
    /// Which one; by its id where the block declares it.
    pub output: OutputName,
    /// The table; `None` where the script must not write it.
    pub table: Option<TableText>,
    /// How far numbers may be off; see [`crate::Comparison`].
    pub tolerance: Option<f64>,
    /// Whether rows may be in any order.
    pub ignore_row_order: bool,
}

impl ExpectedOutput {
    /// What it is called in what is said about it: `output 1`, or `` output `totals` ``.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.output {
            OutputName::Number(number) => format!("output {number}"),
            OutputName::Id(id) => format!("output `{id}`"),
        }
    }
}
