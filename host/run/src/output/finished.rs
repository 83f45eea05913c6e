//! The result of an output: the written file, or why the run ends.

use super::pending::Pending;

/// An output failure, which ends the run.
#[derive(Debug)]
pub(crate) enum OutputFailure {
    /// The script sent an invalid table.
    Violation(String),
    /// The script sent too much.
    Limit(String),
    /// The output cannot be written.
    Write(String),
    /// The reader of standard output is gone.
    ReaderGone,
}

/// An output that was written, or failed.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Position, from 0.
    pub(crate) index: u32,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Notes on how it was written.
    pub(crate) notes: Vec<String>,
    /// The file to publish; `None` if the output has no target, or nothing was written.
    pub(crate) file: Option<Pending>,
    /// Why it must not be published.
    pub(crate) spoiled: Option<String>,
}

impl Finished {
    /// The notes, with the output's number.
    pub(crate) fn all_notes(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| format!("output {}: {note}", self.index))
    }
}
