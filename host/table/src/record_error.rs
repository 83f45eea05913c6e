//! Errors of a record of text.

/// Why reading records ended.
#[derive(Debug)]
pub(crate) enum RecordError {
    /// The text cannot be read.
    Io(std::io::Error),
    /// The text is not a valid table, for this reason.
    Line { line: u64, reason: String },
    /// It ends inside quotes that begin on this line.
    Open { line: u64, reason: String },
}

impl From<std::io::Error> for RecordError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
