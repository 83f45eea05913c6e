//! The result of an output: the written file, or why the run ends.

use super::pending::Pending;
use longshore_model::outcome::Evidence;
use longshore_model::table::Preview;

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

impl OutputFailure {
    /// Adds it to the evidence. The first of each kind is the cause: a writer that has reported it refuses all later
    /// pieces, which is reported too.
    pub(crate) fn note(self, evidence: &mut Evidence) {
        let (first, reason) = match self {
            Self::Violation(reason) => (&mut evidence.violation, reason),
            Self::Limit(reason) => (&mut evidence.limit, reason),
            Self::Write(reason) => (&mut evidence.write_failure, reason),
            Self::ReaderGone => {
                evidence.reader_gone = true;
                return;
            }
        };
        first.get_or_insert(reason);
    }
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
    /// Its first rows, if it has no target.
    pub(crate) preview: Option<Preview>,
    /// The columns that have another type in it than in the first table that the script wrote, if it stays in memory:
    /// the name, and both types in words.
    pub(crate) changed: Vec<(String, [String; 2])>,
    /// Why it must not be published.
    pub(crate) spoiled: Option<String>,
}

impl Finished {
    /// The notes, with the output's number.
    pub(crate) fn all_notes(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| format!("output {}: {note}", self.index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_the_cause() {
        let mut evidence = Evidence::default();
        for reason in ["the disk is full", "the writer has stopped"] {
            OutputFailure::Write(reason.into()).note(&mut evidence);
            OutputFailure::Limit(reason.into()).note(&mut evidence);
        }
        OutputFailure::ReaderGone.note(&mut evidence);
        assert_eq!(evidence.write_failure.as_deref(), Some("the disk is full"));
        assert_eq!(evidence.limit.as_deref(), Some("the disk is full"));
        assert!(evidence.reader_gone && evidence.violation.is_none());
    }
}
