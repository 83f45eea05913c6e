//! What can be wrong with a record of text.

/// What ends the reading of records.
#[derive(Debug)]
pub(crate) enum RecordError {
    /// The text cannot be read.
    Io(std::io::Error),
    /// The text is no table, for this reason.
    Line { line: u64, reason: String },
    /// It ends within quotes that begin on this line.
    Open { line: u64, reason: String },
}

impl From<std::io::Error> for RecordError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
