//! The first look at a text: how it is read, and the resulting first rows. It is shown before an error about the text,
//! so that the user sees how the text was interpreted.

use super::cells::Record;
use super::dialect::Dialect;
use super::error::TableError;
use super::findings::describe;
use super::glance::Glance;
use super::rows::{RowSource, Rows};
use longshore_model::table::FileFormat;
use std::path::Path;

/// Rows that are shown, with the header.
const ROWS_SHOWN: usize = 4;

/// An error about a text whose dialect is known, with its first rows.
pub(super) fn rows_before(
    error: TableError,
    path: &Path,
    format: FileFormat,
    dialect: &Dialect,
    head: &[u8],
) -> TableError {
    let look = || {
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
        Glance { format: format.to_string(), options, rows }
    };
    before(error, look)
}

/// An error about a text whose dialect is not known, with its first lines.
pub(super) fn lines_before(error: TableError, format: FileFormat, head: &[u8]) -> TableError {
    let look = || {
        let text = String::from_utf8_lossy(head);
        let rows = text.lines().take(ROWS_SHOWN).map(|line| vec![line.to_owned()]).collect();
        Glance { format: format.to_string(), options: Vec::new(), rows }
    };
    before(error, look)
}

/// The error, with the first look if it is about the text.
fn before(error: TableError, look: impl FnOnce() -> Glance) -> TableError {
    match error {
        error @ (TableError::Line { .. } | TableError::Damaged { .. } | TableError::Unreadable { .. }) => {
            TableError::Seen { glance: Box::new(look()), source: Box::new(error) }
        }
        error => error,
    }
}
