//! What comes of an output: what was written, or why the run ends.

use super::pending::Pending;

/// Something that ends the run.
#[derive(Debug)]
pub(crate) enum OutputFailure {
    /// The script sent what is no table.
    Violation(String),
    /// The script sent too much.
    Limit(String),
    /// The output cannot be written.
    Write(String),
    /// Nobody reads standard output any more.
    ReaderGone,
}

/// An output that was written, or tried to.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Position, from 0.
    pub(crate) index: u32,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// What a person should know of how it was written.
    pub(crate) notes: Vec<String>,
    /// The file to publish; `None` where the output has no target, or nothing was written.
    pub(crate) file: Option<Pending>,
    /// Why it may not be published.
    pub(crate) spoiled: Option<String>,
}

impl Finished {
    /// What a person should know of how it was written, with its number.
    pub(crate) fn all_notes(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| format!("output {}: {note}", self.index))
    }
}
