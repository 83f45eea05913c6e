//! The first rows of a text in a dialect, and how far they agree with it. `detect.rs` chooses the dialect.

use super::cells::Record;
use super::dialect::Dialect;
use super::header::Row;
use super::record_error::RecordError;
use super::records::Records;

/// Maximum number of rows that are examined.
const ROWS_MAX: usize = 1000;

/// The first bytes of a text.
pub(super) struct Sample<'a> {
    pub(super) head: &'a [u8],
    /// Whether the text has no more bytes.
    pub(super) all: bool,
}

/// Rows in a dialect.
pub(super) struct Table {
    pub(super) dialect: Dialect,
    pub(super) rows: Vec<Row>,
    /// The most frequent number of cells.
    pub(super) width: usize,
    /// Rows with that number.
    pub(super) agree: usize,
    /// Whether a record cannot be read.
    pub(super) broken: bool,
}

impl Table {
    /// Whether all rows agree.
    pub(super) fn is_whole(&self) -> bool {
        !self.broken && self.agree == self.rows.len()
    }

    /// The share of rows that agree, in thousandths.
    pub(super) fn share(&self) -> usize {
        self.agree * 1000 / self.rows.len().max(1) * usize::from(!self.broken)
    }
}

impl Sample<'_> {
    pub(super) fn has(&self, bytes: &[u8]) -> bool {
        memchr::memmem::find(self.head, bytes).is_some()
    }

    pub(super) fn read(&self, dialect: Dialect) -> Table {
        let mut records = Records::new(&dialect, self.head);
        let (mut rows, mut record, mut broken) = (Vec::new(), Record::default(), false);
        while rows.len() < ROWS_MAX {
            match records.next(&mut record) {
                Ok(true) => {
                    let cells = record.cells().map(|(cell, _)| String::from_utf8_lossy(cell).into_owned()).collect();
                    let quoted = record.cells().map(|(_, quoted)| quoted).collect();
                    rows.push(Row { line: record.line(), cells, quoted });
                }
                Ok(false) => break,
                // A record that is cut by the end of the sample is not an error.
                Err(RecordError::Open { .. }) if !self.all => break,
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        if !self.all && rows.len() > 1 && rows.len() < ROWS_MAX && !broken {
            rows.pop();
        }
        let mut counts: Vec<(usize, usize)> = Vec::new();
        for row in &rows {
            match counts.iter_mut().find(|(width, _)| *width == row.cells.len()) {
                Some((_, count)) => *count += 1,
                None => counts.push((row.cells.len(), 1)),
            }
        }
        let (width, agree) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or_default();
        Table { dialect, rows, width, agree, broken }
    }
}
