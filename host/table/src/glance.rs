//! The first look at a text, which stands before the error about it: how it is read, and its first rows as that makes them.

use super::cells::Record;
use super::dialect::Dialect;
use super::error::TableError;
use super::findings::describe;
use super::format::FileFormat;
use super::rows::{RowSource, Rows};
use std::path::Path;

/// Rows that are shown, with the header.
const ROWS_SHOWN: usize = 4;

/// A text at first sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Its format, with the compression around it.
    pub format: String,
    /// The options that read it so; empty where none were found.
    pub options: Vec<(String, String)>,
    /// Its first rows, the header among them; lines where it was not found what separates cells.
    pub rows: Vec<Vec<String>>,
}

impl Glance {
    /// What is seen of a text whose dialect is known, by its first bytes.
    pub(super) fn of(path: &Path, format: FileFormat, dialect: &Dialect, head: &[u8]) -> Self {
        let cells = |record: &Record| {
            record.cells().map(|(cell, _)| String::from_utf8_lossy(cell).into_owned()).collect::<Vec<_>>()
        };
        let mut rows = Vec::new();
        if let Ok((mut reader, mut record)) = Rows::open(path, dialect, head) {
            if dialect.header > 0 {
                rows.push(cells(&record));
            }
            while rows.len() < ROWS_SHOWN && reader.next(&mut record).is_ok_and(|more| more) {
                rows.push(cells(&record));
            }
        }
        let options = describe(dialect).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { format: format.to_string(), options, rows }
    }

    /// The first lines of a text, of which nothing more is known.
    pub(super) fn of_lines(format: FileFormat, head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let rows = text.lines().take(ROWS_SHOWN).map(|line| vec![line.to_owned()]).collect();
        Self { format: format.to_string(), options: Vec::new(), rows }
    }

    /// The error with what was seen.
    pub(super) fn before(self, error: TableError) -> TableError {
        match error {
            error @ (TableError::Line { .. } | TableError::Damaged { .. } | TableError::Unreadable { .. }) => {
                TableError::Seen { glance: Box::new(self), source: Box::new(error) }
            }
            error => error,
        }
    }
}
