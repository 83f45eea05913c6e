//! CSV and TSV. A first pass over the whole file finds the columns' types and all errors, by line and column; reading
//! then cannot fail on a file that has not changed. `records.rs` finds the bounds of records and cells, `cell.rs` the
//! kinds of cells; `csv_blocks.rs` reads a long plain text in one pass.

use super::bad_rows::{Marked, Rules, Tally};
use super::batches::Batches;
use super::blocks::{Kept, MadeBatches, Sizes};
use super::cell::{Kind, Words};
use super::cells::Record;
use super::column_kind::without_type;
use super::csv_blocks::{Checked, Found, Plain, Text, check};
use super::detect::Detected;
use super::dialect::Dialect;
use super::error::TableError;
use super::findings::Findings;
use super::patience::Patience;
use super::rows::{RowSource, Rows};
use super::rows_ahead::Ahead;
use super::text_columns::Column;
use super::text_looks::{Looked, cell, looked, verdicts};
use super::verdict::Verdict;
use super::{BATCH_BYTES, batch_rows};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use longshore_model::table::{BadRows, ReadOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The findings of the first pass.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    pub(crate) rows: u64,
    pub(crate) findings: Findings,
    dialect: Dialect,
    /// The maximum number of rows read.
    most: Option<u64>,
    /// The rules for bad rows, and their number.
    rules: Rules,
    pub(super) tally: Tally,
    /// Of each column, the position of its cells in a row, its type, and the words for its values.
    pub(super) columns: Vec<(usize, Verdict, Arc<Words>)>,
    /// How the text is cut into blocks, if it is plain.
    pub(super) plain: Option<Plain>,
    /// The rows that the check has already made, for the first reader.
    pub(super) kept: Kept,
}

impl Layout {
    /// Drops the rows that the check has made.
    pub(super) fn keep_nothing(&mut self) {
        self.kept = Kept::default();
    }

    /// Whether no cell of a column has a value.
    pub(super) fn has_nothing(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|(_, verdict, _)| verdict.kind == Kind::Nothing)
    }

    /// The columns; those without a value have no type.
    pub(crate) fn known_schema(&self) -> SchemaRef {
        without_type(&self.schema, |index| self.has_nothing(index))
    }
}

/// Reads the whole text once.
pub(crate) fn scan(
    path: &Path,
    detected: Detected,
    options: &ReadOptions,
    text: impl Read,
) -> Result<Layout, TableError> {
    let (rows, first) = Rows::open(path, &detected.dialect, text)?;
    scan_rows(path, detected, options, Rules::of(options, true), rows, first)
}

/// Reads the whole text once: its blocks on all cores, or its records on one thread and their cells on another.
/// `again` opens it from its start.
pub(crate) fn scan_ahead<R: Read + Send + 'static>(
    path: &Path,
    detected: Detected,
    options: &ReadOptions,
    text: (&[u8], u64),
    again: impl Fn() -> Result<R, TableError>,
) -> Result<Layout, TableError> {
    scan_in_blocks(path, detected, options, text, Sizes::default(), again)
}

pub(super) fn scan_in_blocks<R: Read + Send + 'static>(
    path: &Path,
    detected: Detected,
    options: &ReadOptions,
    (head, length): (&[u8], u64),
    sizes: Sizes,
    again: impl Fn() -> Result<R, TableError>,
) -> Result<Layout, TableError> {
    if !Rules::of(options, false).is_strict() {
        let (rows, first) = Rows::open(path, &detected.dialect, again()?)?;
        let mut layout = scan_rows(path, detected, options, Rules::of(options, false), rows, first)?;
        layout.findings.notes.extend(std::mem::take(&mut layout.tally).notes());
        return Ok(layout);
    }
    let text = Text { head, length, text: again()? };
    let checked = check(path, &detected.dialect, options, text, sizes);
    let plain = match checked {
        Some(Checked { plain, found: Some(found) }) => {
            let Found { columns, verdicts, rows, kept } = found;
            let layout = layout(detected, options, columns, verdicts, rows);
            return Ok(Layout { plain: Some(plain), kept, ..layout });
        }
        checked => checked.map(|checked| checked.plain),
    };
    let (rows, first) = Rows::open(path, &detected.dialect, again()?)?;
    // With a limit of rows, no row after the limit is read.
    let layout = match options.rows {
        Some(_) => scan_rows(path, detected, options, Rules::default(), rows, first),
        None => scan_rows(path, detected, options, Rules::default(), Ahead::start(path, rows), first),
    };
    layout.map(|layout| Layout { plain, ..layout })
}

fn scan_rows(
    path: &Path,
    mut detected: Detected,
    options: &ReadOptions,
    rules: Rules,
    mut reader: impl RowSource,
    mut record: Record,
) -> Result<Layout, TableError> {
    let mut columns = looked(path, &detected.dialect, options, &record)?;
    let (mut rows, tally) = (0, Tally::default());
    while options.rows.is_none_or(|most| rows < most) {
        let noted = match reader.next(&mut record) {
            Ok(false) => break,
            Ok(true) => note(path, &mut columns, &record, rules),
            Err(error) => Err(error),
        };
        match noted {
            Ok(()) => rows += 1,
            Err(TableError::Line { line, reason, .. }) if rules.bad != BadRows::Fail => {
                reader.recover()?;
                tally.bad(rules.bad, line, &reason);
                rows += u64::from(rules.bad == BadRows::Keep);
            }
            Err(error) => return Err(error),
        }
    }
    detected.notes.extend(reader.notes());
    let verdicts = verdicts(path, &columns)?;
    let layout = layout(detected, options, columns, verdicts, rows);
    Ok(Layout { schema: rules.columns(&layout.schema), rules, tally, ..layout })
}

/// Adds a row; no cell of a bad row is added if the table continues.
fn note(path: &Path, columns: &mut [Looked], record: &Record, rules: Rules) -> Result<(), TableError> {
    let line = record.line();
    if rules.bad != BadRows::Fail {
        columns.iter().try_for_each(|column| column.check(path, line, record.cell(column.place)))?;
    }
    columns.iter_mut().try_for_each(|column| column.note(path, line, record.cell(column.place)))
}

/// The layout of a text whose columns have been found.
fn layout(
    detected: Detected,
    options: &ReadOptions,
    columns: Vec<Looked>,
    verdicts: Vec<Verdict>,
    rows: u64,
) -> Layout {
    let Detected { dialect, notes } = detected;
    let fields = columns.iter().zip(&verdicts);
    let fields = fields.map(|(column, verdict)| Field::new(&column.name, verdict.kind.data_type(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let findings = Findings::new(&dialect, notes, columns.iter().map(|column| column.name.as_str()).zip(&verdicts));
    let columns = columns.into_iter().zip(verdicts);
    let columns = columns.map(|(column, verdict)| (column.place, verdict, column.hints.words)).collect();
    Layout {
        schema,
        rows,
        findings,
        dialect,
        most: options.rows,
        columns,
        plain: None,
        kept: Kept::default(),
        rules: Rules::default(),
        tally: Tally::default(),
    }
}

/// How rows arrive.
#[derive(Debug)]
pub(crate) enum Pace {
    /// All rows are stored, and have been scanned.
    Stored,
    /// Rows arrive after those that were scanned: a batch ends where reading the next row would block.
    Live { rows_max: usize, patience: Patience },
}

/// The rows of a scanned text, in batches: made by its check, or from its blocks on all cores, or from records that
/// another thread parses.
pub(crate) fn stored(path: &Path, layout: &Layout, text: impl Read + Send + 'static) -> Result<Batches, TableError> {
    if let Some(kept) = layout.kept.take() {
        return Ok(Box::new(MadeBatches::new(path, &layout.schema, layout.rows, kept.into_iter().map(Ok))));
    }
    if let Some(plain) = layout.plain {
        return Ok(Box::new(plain.read(path, &layout.schema, layout.rows, layout.columns.clone(), text)?));
    }
    let (rows, record) = Rows::open(path, &layout.dialect, text)?;
    Ok(match layout.rules.is_strict() {
        true => Box::new(batches(path, layout, Ahead::start(path, rows), record, Pace::Stored)),
        false => Box::new(batches(path, layout, rows, record, Pace::Stored)),
    })
}

/// The rows of a text whose first rows were scanned, in batches, as they arrive.
pub(crate) fn live<R: Read>(
    path: &Path,
    layout: &Layout,
    text: R,
    rows_max: usize,
    patience: Patience,
) -> Result<CsvBatches<Rows<R>>, TableError> {
    let (rows, record) = Rows::open(path, &layout.dialect, text)?;
    Ok(batches(path, layout, rows, record, Pace::Live { rows_max, patience }))
}

fn batches<S: RowSource>(path: &Path, layout: &Layout, reader: S, record: Record, pace: Pace) -> CsvBatches<S> {
    let column = |(_, verdict, words): &(usize, Verdict, Arc<Words>)| {
        Column::written(verdict.kind, verdict.style.clone(), Arc::clone(words))
    };
    let columns = layout.columns.iter().map(column).collect();
    let marked = Marked::new(layout.rules, &layout.tally);
    CsvBatches { path: path.to_owned(), layout: layout.clone(), pace, reader, record, columns, marked, rows: 0 }
}

/// An iterator over batches.
pub(crate) struct CsvBatches<S> {
    path: PathBuf,
    layout: Layout,
    pace: Pace,
    reader: S,
    record: Record,
    columns: Vec<Column>,
    /// The bad rows of the batch, if the table continues after them.
    marked: Option<Marked>,
    /// Rows of all batches so far.
    rows: u64,
}

impl<S: RowSource> CsvBatches<S> {
    fn read(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let mut rows = 0;
        let mut bytes = 0;
        while bytes < BATCH_BYTES && self.takes_more(rows) {
            match self.next_row() {
                Ok(false) => break,
                Ok(true) => {}
                Err(TableError::Line { line, reason, .. }) if self.goes_on() => {
                    self.columns.iter_mut().for_each(Column::push_null);
                    self.mark_bad(line, &reason)?;
                    rows += 1;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let mut unfit = None;
            for (index, (place, ..)) in self.layout.columns.iter().enumerate() {
                let Some((field, quoted)) = self.record.cell(*place) else {
                    self.columns[index].push_null();
                    continue;
                };
                bytes += field.len();
                if !std::str::from_utf8(field).is_ok_and(|field| self.columns[index].push(field, quoted)) {
                    unfit.get_or_insert((index, field));
                    self.columns[index].push_null();
                }
            }
            match unfit.map(|(index, field)| self.unfit(index, field)) {
                Some(TableError::Line { line, reason, .. }) if self.goes_on() => self.mark_bad(line, &reason)?,
                Some(error) => return Err(error),
                None => {
                    let line = self.record.line();
                    self.marked.iter_mut().for_each(|marked| marked.good(line, Vec::new()));
                }
            }
            rows += 1;
        }
        if rows == 0 {
            if matches!(self.pace, Pace::Stored) && self.rows != self.layout.rows && !self.goes_on() {
                return Err(self.changed());
            }
            return Ok(None);
        }
        self.rows += rows as u64;
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        let batch = match &mut self.marked {
            Some(marked) => marked.finish(&self.layout.schema, columns),
            None => RecordBatch::try_new(Arc::clone(&self.layout.schema), columns),
        };
        batch.map(Some).map_err(|source| TableError::Arrow { path: self.path.clone(), source })
    }

    /// Whether the table continues after a bad row.
    fn goes_on(&self) -> bool {
        self.marked.as_ref().is_some_and(Marked::takes_bad)
    }

    /// Marks the row as bad, after each of its columns has received a value.
    fn mark_bad(&mut self, line: u64, reason: &str) -> Result<(), TableError> {
        let rest = self.reader.recover()?;
        let dialect = &self.layout.dialect;
        let text = self.record.as_line(&dialect.delimiter.text(), dialect.quote.map_or('"', char::from));
        let text = text + &String::from_utf8_lossy(&rest);
        self.marked.iter_mut().for_each(|marked| marked.bad(line, reason, &text));
        Ok(())
    }

    fn next_row(&mut self) -> Result<bool, TableError> {
        let next = self.reader.next(&mut self.record);
        // The check found no error in this text, so an error now means that the file changed.
        if matches!((&self.pace, &next), (Pace::Stored, Err(TableError::Line { .. }))) && !self.goes_on() {
            Err(self.changed())
        } else {
            next
        }
    }

    /// Whether a batch of `rows` rows takes more.
    fn takes_more(&self, rows: usize) -> bool {
        if self.layout.most.is_some_and(|most| self.rows + rows as u64 >= most) {
            return false;
        }
        let most = batch_rows(self.layout.columns.len());
        match &self.pace {
            Pace::Stored => rows < most,
            Pace::Live { rows_max, patience } => {
                rows == 0 || rows < most.min(*rows_max) && !patience.would_wait(self.reader.used())
            }
        }
    }

    /// The error of a cell that does not fit its column.
    fn unfit(&self, column: usize, bytes: &[u8]) -> TableError {
        if matches!(self.pace, Pace::Stored) && !self.goes_on() {
            return self.changed();
        }
        let name = self.layout.schema.field(column).name();
        match cell(&self.path, self.record.line(), name, bytes) {
            Err(error) => error,
            Ok(text) => {
                let noun = self.layout.columns[column].1.kind.noun();
                let reason = format!(
                    "column `{name}` has `{text}`, which does not match its first rows ({noun}): use one kind of value \
                     in the whole column"
                );
                TableError::Line { path: self.path.clone(), line: self.record.line(), reason }
            }
        }
    }

    fn changed(&self) -> TableError {
        let reason = "the file changed while it was being read".into();
        TableError::Line { path: self.path.clone(), line: self.record.line(), reason }
    }
}

impl<S: RowSource> Iterator for CsvBatches<S> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delimiter;
    use crate::cell::{Kind, Unit};

    fn scanned(text: &[u8], delimiter: u8) -> Result<Layout, TableError> {
        let dialect = Dialect { delimiter: Delimiter::Byte(delimiter), ..Dialect::default() };
        scan(Path::new("x.csv"), Detected { dialect, notes: Vec::new() }, &ReadOptions::default(), text)
    }

    fn error(text: &[u8]) -> String {
        scanned(text, b',').unwrap_err().to_string()
    }

    #[test]
    fn wrong_lines_are_named() {
        assert_eq!(error(b""), "`x.csv` is empty: it has no bytes, not even a header");
        assert_eq!(
            error(b"a,b\n1,2\n3\n"),
            "`x.csv`, line 3: it has 1 field, but the header has 2: `ragged=fill` fills its absent cells with missing \
             values, `ragged=skip` leaves it out"
        );
        assert_eq!(
            error(b"a,b\n\"1\n1\",2\n3,4,5\n"),
            "`x.csv`, line 4: it has 3 fields, but the header has 2: `ragged=cut` leaves out its extra cells, \
             `ragged=skip` the whole row"
        );
        assert_eq!(
            error(b"a,b\n1,x\xff\n"),
            "`x.csv`, line 2: column `b` is not UTF-8: byte 0xff at place 2 of the cell: set `encoding=`, such as \
             windows-1252"
        );
    }

    #[test]
    fn names_become_unique() {
        let layout = scanned(b"\xef\xbb\xbfa;a;;a\r\n1;2;3;4\r\n", b';').unwrap();
        let names: Vec<_> = layout.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "a.1", "column_3", "a.2"]);
        assert_eq!(layout.rows, 1);
    }

    #[test]
    fn lines_are_those_of_the_file() {
        assert!(error(b"a,b\n1,2\n\n\n3\n").starts_with("`x.csv`, line 5: it has 1 field, but the header has 2"));
        assert!(error(b"a,b\r1,2\r3\r").starts_with("`x.csv`, line 3: it has 1 field, but the header has 2"));
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
        let layout = scanned(text, b',').unwrap();
        stored(Path::new("x.csv"), &layout, std::io::Cursor::new(text.to_vec()))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
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
    fn formats_of_dates_and_of_times_are_read_side_by_side() {
        let types = |options: &str, text: &str| {
            let mut read = ReadOptions::default();
            read.add(options).unwrap();
            let detected = Detected { dialect: Dialect::default(), notes: Vec::new() };
            let layout = scan(Path::new("x.csv"), detected, &read, text.as_bytes()).unwrap();
            layout.columns.iter().map(|(_, verdict, _)| verdict.kind).collect::<Vec<_>>()
        };
        let (date, time) = (Kind::Date, Kind::Naive(Unit::Micros));
        assert_eq!(types("dates=%d.%m.%Y", "d,t\n31.12.2024,2024-12-31T01:00:00\n"), [date, time]);
        assert_eq!(types("dates=%d.%m.%Y times='%d.%m.%Y %H:%M'", "d,t\n31.12.2024,31.12.2024 01:00\n"), [date, time]);
        assert_eq!(types("times='%Y%m%d %H%M%S'", "d,t\n2024-12-31,20241231 010000\n"), [date, time]);
        assert_eq!(types("type.d=date:%Y%m%d", "d,t\n20241231,20241231\n"), [date, Kind::Integer]);
        assert_eq!(types("dates=dmy times='%Y%m%d %H%M%S'", "d,t\n1.2.2024,20241231 010000\n"), [date, time]);
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
