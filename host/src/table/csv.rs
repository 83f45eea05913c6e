//! CSV and TSV. A first pass over the whole file finds the columns' types and everything that is wrong with it, by
//! line and column; reading then cannot fail on a file that has not changed. Where records and cells begin and end is
//! `records.rs`'s, what a cell is `cell.rs`'s.

use super::cell::{Kind, Seen};
use super::error::TableError;
use super::live::Patience;
use super::records::{Record, RecordError, Records};
use super::text_columns::Column;
use super::{BATCH_BYTES, BATCH_ROWS};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the first pass found.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    kinds: Vec<Kind>,
    delimiter: u8,
    pub(crate) rows: u64,
}

/// Reads the whole text once.
pub(crate) fn scan(path: &Path, delimiter: u8, text: impl Read) -> Result<Layout, TableError> {
    let mut records = Records::new(delimiter, text);
    let mut record = Record::default();
    if !next(&mut records, &mut record, path)? {
        return Err(TableError::Empty { path: path.to_owned() });
    }
    let line = record.line();
    let header = record.cells().enumerate().map(|(index, (name, _))| {
        let name = cell(path, line, &format!("{}", index + 1), name)?;
        if name.contains('\0') {
            let reason = format!("the name of column {} has a NUL character in it: remove it", index + 1);
            return Err(TableError::Line { path: path.to_owned(), line, reason });
        }
        Ok(name)
    });
    let names = unique(header.collect::<Result<_, _>>()?);
    let mut seen = vec![Seen::default(); names.len()];
    let mut rows = 0;
    while next(&mut records, &mut record, path)? {
        let line = record.line();
        if record.len() != names.len() {
            return Err(ragged(path, line, record.len(), names.len()));
        }
        for ((seen, name), (field, _)) in seen.iter_mut().zip(&names).zip(record.cells()) {
            seen.note(cell(path, line, name, field)?);
        }
        rows += 1;
    }
    let kinds: Vec<Kind> = seen.iter().map(Seen::kind).collect();
    let columns = names.iter().zip(&kinds).map(|(name, kind)| Field::new(name, kind.data_type(), true));
    let schema = Arc::new(Schema::new(columns.collect::<Vec<_>>()));
    Ok(Layout { schema, kinds, delimiter, rows })
}

/// How rows come.
#[derive(Debug)]
pub(crate) enum Pace {
    /// All of them are there, and have been scanned.
    Stored,
    /// As they are made, after those that were scanned: a batch ends where the next row would have to be waited for.
    Live { rows_max: usize, patience: Patience },
}

/// The rows of a scanned text, in batches.
pub(crate) fn batches<R: Read>(path: &Path, layout: &Layout, text: R, pace: Pace) -> Result<CsvBatches<R>, TableError> {
    let mut records = Records::new(layout.delimiter, text);
    let mut record = Record::default();
    next(&mut records, &mut record, path)?;
    let columns = layout.kinds.iter().map(|kind| Column::new(*kind)).collect();
    Ok(CsvBatches { path: path.to_owned(), layout: layout.clone(), pace, records, record, columns, rows: 0 })
}

/// An iterator over batches.
pub(crate) struct CsvBatches<R> {
    path: PathBuf,
    layout: Layout,
    pace: Pace,
    records: Records<R>,
    record: Record,
    columns: Vec<Column>,
    /// Rows of all batches so far.
    rows: u64,
}

impl<R: Read> CsvBatches<R> {
    fn read(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let mut rows = 0;
        let mut bytes = 0;
        while bytes < BATCH_BYTES && self.takes_more(rows) && next(&mut self.records, &mut self.record, &self.path)? {
            if self.record.len() != self.columns.len() {
                return Err(self.ragged());
            }
            for (index, (field, quoted)) in self.record.cells().enumerate() {
                bytes += field.len();
                if !std::str::from_utf8(field).is_ok_and(|field| self.columns[index].push(field, quoted)) {
                    return Err(self.unfit(index, field));
                }
            }
            rows += 1;
        }
        if rows == 0 {
            if matches!(self.pace, Pace::Stored) && self.rows != self.layout.rows {
                return Err(self.changed());
            }
            return Ok(None);
        }
        self.rows += rows as u64;
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.layout.schema), columns);
        batch.map(Some).map_err(|source| TableError::Arrow { path: self.path.clone(), source })
    }

    /// Whether a batch of so many rows goes on.
    fn takes_more(&self, rows: usize) -> bool {
        match &self.pace {
            Pace::Stored => rows < BATCH_ROWS,
            Pace::Live { rows_max, patience } => {
                rows == 0 || rows < *rows_max && !patience.would_wait(self.records.used())
            }
        }
    }

    fn ragged(&self) -> TableError {
        match self.pace {
            Pace::Stored => self.changed(),
            Pace::Live { .. } => ragged(&self.path, self.record.line(), self.record.len(), self.columns.len()),
        }
    }

    /// What is wrong with a cell that its column does not take.
    fn unfit(&self, column: usize, bytes: &[u8]) -> TableError {
        if matches!(self.pace, Pace::Stored) {
            return self.changed();
        }
        let name = self.layout.schema.field(column).name();
        match cell(&self.path, self.record.line(), name, bytes) {
            Err(error) => error,
            Ok(text) => {
                let noun = self.layout.kinds[column].noun();
                let reason = format!(
                    "column `{name}` has `{text}`, which is no {noun}, as its first rows were: give the column one \
                     kind of value from its first row on"
                );
                TableError::Line { path: self.path.clone(), line: self.record.line(), reason }
            }
        }
    }

    fn changed(&self) -> TableError {
        let reason = "the file has changed while it was read".into();
        TableError::Line { path: self.path.clone(), line: self.record.line(), reason }
    }
}

impl<R: Read> Iterator for CsvBatches<R> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn next<R: Read>(records: &mut Records<R>, record: &mut Record, path: &Path) -> Result<bool, TableError> {
    records.next(record).map_err(|error| match error {
        RecordError::Io(source) => TableError::Read { path: path.to_owned(), source },
        RecordError::Line { line, reason } => TableError::Line { path: path.to_owned(), line, reason },
    })
}

fn cell<'a>(path: &Path, line: u64, column: &str, bytes: &'a [u8]) -> Result<&'a str, TableError> {
    std::str::from_utf8(bytes).map_err(|error| TableError::Line {
        path: path.to_owned(),
        line,
        reason: format!(
            "column `{column}` is not UTF-8: byte 0x{:02x} at place {} of the cell; convert the file to UTF-8 first",
            bytes[error.valid_up_to()],
            error.valid_up_to() + 1
        ),
    })
}

fn ragged(path: &Path, line: u64, found: usize, expected: usize) -> TableError {
    let reason = format!("it has {}, but the header has {expected}", fields(found));
    TableError::Line { path: path.to_owned(), line, reason }
}

fn fields(count: usize) -> String {
    if count == 1 { "1 field".into() } else { format!("{count} fields") }
}

/// Names that are all different: a column without a name is named by its position, a name's repetitions are numbered.
fn unique(names: Vec<&str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(index, name): (usize, &str)| {
        let name = if name.is_empty() { format!("column_{}", index + 1) } else { name.to_owned() };
        let mut unique = name.clone();
        let mut number = 0;
        while !taken.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}.{number}");
        }
        unique
    };
    names.into_iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &[u8]) -> String {
        scan(Path::new("x.csv"), b',', text).unwrap_err().to_string()
    }

    #[test]
    fn wrong_lines_are_named() {
        assert_eq!(error(b""), "`x.csv` is empty: it has no bytes, not even a header");
        assert_eq!(error(b"a,b\n1,2\n3\n"), "`x.csv`, line 3: it has 1 field, but the header has 2");
        assert_eq!(error(b"a,b\n\"1\n1\",2\n3,4,5\n"), "`x.csv`, line 4: it has 3 fields, but the header has 2");
        assert_eq!(
            error(b"a,b\n1,x\xff\n"),
            "`x.csv`, line 2: column `b` is not UTF-8: byte 0xff at place 2 of the cell; convert the file to UTF-8 first"
        );
    }

    #[test]
    fn names_become_unique() {
        let layout = scan(Path::new("x.csv"), b';', &b"\xef\xbb\xbfa;a;;a\r\n1;2;3;4\r\n"[..]).unwrap();
        let names: Vec<_> = layout.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "a.1", "column_3", "a.2"]);
        assert_eq!(layout.rows, 1);
    }

    #[test]
    fn lines_are_those_of_the_file() {
        assert_eq!(error(b"a,b\n1,2\n\n\n3\n"), "`x.csv`, line 5: it has 1 field, but the header has 2");
        assert_eq!(error(b"a,b\r1,2\r3\r"), "`x.csv`, line 3: it has 1 field, but the header has 2");
        assert!(
            error(b"a,b\n1,\"x\n2,y\n3,z\n").starts_with("`x.csv`, line 2: the quote that begins here is never closed")
        );
        assert!(error(b"a,b\n1,\"x\"y\n").starts_with("`x.csv`, line 2: column 2 has text after its closing quote"));
        assert_eq!(
            error(b"a,b\0\n1,2\n"),
            "`x.csv`, line 1: the name of column 2 has a NUL character in it: remove it"
        );
    }

    fn read(text: &[u8]) -> Vec<RecordBatch> {
        let layout = scan(Path::new("x.csv"), b',', text).unwrap();
        batches(Path::new("x.csv"), &layout, text, Pace::Stored).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn empty_text_is_not_missing_text() {
        use arrow_array::{Array, cast::AsArray};
        let batch = read(b"t,n\n\"\",\"\"\n,1\nx,2\n").remove(0);
        let text = batch.column(0).as_string::<i32>();
        assert_eq!(text.iter().collect::<Vec<_>>(), [Some(""), None, Some("x")]);
        assert_eq!(batch.column(1).null_count(), 1);
    }

    #[test]
    fn batches_end_at_bytes_as_well_as_at_rows() {
        let cell = "x".repeat(1 << 20);
        let text = format!("t\n{}", format!("{cell}\n").repeat(80));
        let rows: Vec<usize> = read(text.as_bytes()).iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows.iter().sum::<usize>(), 80);
        assert!(rows.len() > 1 && rows.iter().all(|rows| rows << 20 <= BATCH_BYTES), "{rows:?}");
    }
}
