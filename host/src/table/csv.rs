//! CSV and TSV. A first pass over the whole file finds the columns' types and everything that is wrong with it, by
//! line and column; reading then cannot fail on a file that has not changed. Where records and cells begin and end is
//! `records.rs`'s, what a cell is `cell.rs`'s.

use super::cell::{Kind, Unit, Words};
use super::days::Dates;
use super::dialect::{Detected, Dialect};
use super::error::TableError;
use super::findings::Findings;
use super::live::Patience;
use super::marks::Marks;
use super::option_values::{ColumnType, DateStyle, Mark, OrderName};
use super::options::ReadOptions;
use super::records::Record;
use super::rows::Rows;
use super::seen::Seen;
use super::text_columns::Column;
use super::verdict::{Hints, Style, Verdict};
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
    pub(crate) rows: u64,
    pub(crate) findings: Findings,
    dialect: Dialect,
    /// Rows that are read at most.
    most: Option<u64>,
    /// Of each column, which cell of a row it is, and what it is.
    columns: Vec<(usize, Verdict)>,
    words: Arc<Words>,
}

/// A column as it is looked at.
struct Looked {
    name: String,
    /// Which cell of a row it is.
    place: usize,
    hints: Hints,
    /// What it is to be, where the user says so.
    wanted: Option<ColumnType>,
    seen: Seen,
}

/// Reads the whole text once.
pub(crate) fn scan(
    path: &Path,
    detected: Detected,
    options: &ReadOptions,
    text: impl Read,
) -> Result<Layout, TableError> {
    let Detected { dialect, mut notes } = detected;
    let (mut reader, mut record) = Rows::open(path, &dialect, text)?;
    let mut columns = looked(path, &dialect, options, &record)?;
    let mut rows = 0;
    while options.rows.is_none_or(|most| rows < most) && reader.next(&mut record)? {
        let line = record.line();
        for column in &mut columns {
            column.note(path, line, record.cell(column.place))?;
        }
        rows += 1;
    }
    notes.extend(reader.notes());
    let verdicts = verdicts(path, &columns)?;
    let fields = columns.iter().zip(&verdicts);
    let fields = fields.map(|(column, verdict)| Field::new(&column.name, verdict.kind.data_type(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let findings = Findings::new(&dialect, notes, columns.iter().map(|column| column.name.as_str()).zip(&verdicts));
    let columns = columns.iter().map(|column| column.place).zip(verdicts).collect();
    let words = Arc::new(words(options));
    Ok(Layout { schema, rows, findings, dialect, most: options.rows, columns, words })
}

fn words(options: &ReadOptions) -> Words {
    Words { missing: options.missing.clone(), yes: options.r#true.clone(), no: options.r#false.clone() }
}

/// The columns that are to be read, before their first cell.
fn looked(path: &Path, dialect: &Dialect, options: &ReadOptions, first: &Record) -> Result<Vec<Looked>, TableError> {
    let names = names(path, dialect, first)?;
    let unknown =
        options.columns.iter().chain(options.types.keys()).find(|name| *name != OTHERS && !names.contains(name));
    if let Some(name) = unknown {
        return Err(no_column(path, first.line(), name, &names));
    }
    let default = |mark: Option<Mark>, default: Option<u8>| mark.map_or(default, |mark| mark.0);
    let marks = (options.decimal.is_some() || options.thousands.is_some()).then(|| {
        let decimal = default(options.decimal, Some(b'.')).unwrap_or(b'.');
        // Where one mark is known, the other is the one that goes with it, unless that is said too.
        let other = if decimal == b',' { Some(b'.') } else { None };
        let thousands = default(options.thousands, other);
        let decimal = if thousands == Some(decimal) && options.decimal.is_none() { b',' } else { decimal };
        Marks { decimal, thousands }
    });
    let dates = options.dates.clone().map(|style| match style {
        DateStyle::Order(OrderName(order)) => Dates::Ordered(order),
        DateStyle::Format(format) => Dates::Format(format),
    });
    let column = |(place, name): (usize, String)| {
        let wanted = options.types.get(&name).or_else(|| options.types.get(OTHERS)).cloned();
        let mut hints = Hints { words: words(options), marks, dates: dates.clone(), look: true };
        match &wanted {
            Some(ColumnType::Date(Some(format)) | ColumnType::Time(Some(format))) => {
                hints.dates = Some(Dates::Format(format.clone()));
            }
            Some(ColumnType::Boolean) => {
                hints.words.yes.extend(YES.map(str::to_owned));
                hints.words.no.extend(NO.map(str::to_owned));
            }
            _ => {}
        }
        Looked { name, place, hints, wanted, seen: Seen::default() }
    };
    let is_read = |(_, name): &(usize, String)| options.columns.is_empty() || options.columns.contains(name);
    Ok(names.into_iter().enumerate().filter(is_read).map(column).collect())
}

/// The name that stands for all columns that have no type of their own.
const OTHERS: &str = "*";

/// What columns that are to be true or false have for true, besides that word.
const YES: [&str; 10] = ["1", "yes", "Yes", "YES", "y", "Y", "t", "T", "on", "On"];

/// And for false.
const NO: [&str; 10] = ["0", "no", "No", "NO", "n", "N", "f", "F", "off", "Off"];

fn no_column(path: &Path, line: u64, name: &str, names: &[String]) -> TableError {
    let near = names.iter().find(|known| strsim::osa_distance(known, name) <= 2);
    let near = near.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > NAMES_SHOWN { ", …" } else { "" };
    let reason = format!("there is no column `{name}` to be read: there are {}{more}{near}", shown.join(", "));
    TableError::Line { path: path.to_owned(), line, reason }
}

/// Names of columns that an error shows.
const NAMES_SHOWN: usize = 20;

/// The names of the columns: those of the header, or their places.
fn names(path: &Path, dialect: &Dialect, first: &Record) -> Result<Vec<String>, TableError> {
    if !dialect.header {
        return Ok((1..=first.len()).map(|place| format!("column_{place}")).collect());
    }
    let line = first.line();
    let name = |(index, (name, _)): (usize, (&[u8], bool))| {
        let name = cell(path, line, &format!("{}", index + 1), name)?;
        if name.contains('\0') {
            let reason = format!("the name of column {} has a NUL character in it: remove it", index + 1);
            return Err(TableError::Line { path: path.to_owned(), line, reason });
        }
        Ok(name.to_owned())
    };
    Ok(unique(first.cells().enumerate().map(name).collect::<Result<_, _>>()?))
}

impl Looked {
    /// Takes in a cell; `None` where the row has none for the column.
    fn note(&mut self, path: &Path, line: u64, bytes: Option<(&[u8], bool)>) -> Result<(), TableError> {
        let Some((bytes, _)) = bytes else {
            self.seen.missing += 1;
            return Ok(());
        };
        let text = cell(path, line, &self.name, bytes)?;
        match &self.wanted {
            None => self.seen.note_in(text, line, &self.hints),
            Some(ColumnType::Text) => self.seen.note_text(),
            Some(wanted) => {
                let before = self.seen.missing;
                self.seen.note_in(text, line, &self.hints);
                if self.seen.missing == before && !self.seen.last_is(wanted) {
                    return Err(self.unfit(path, line, text, wanted));
                }
            }
        }
        Ok(())
    }

    fn unfit(&self, path: &Path, line: u64, text: &str, wanted: &ColumnType) -> TableError {
        let wanted = String::from(wanted.clone());
        let reason = format!(
            "column `{}` is to be `{wanted}`, and has `{text}`: `type.{}=text` reads it as it is, `missing={text}` as no value",
            self.name, self.name
        );
        TableError::Line { path: path.to_owned(), line, reason }
    }

    /// What the column is, with what it is to be.
    fn verdict(&self, path: &Path, others: &Style) -> Result<Verdict, TableError> {
        let mut verdict = self.seen.verdict(&self.hints, others);
        let Some(wanted) = &self.wanted else { return Ok(verdict) };
        let kind = match (wanted, verdict.kind) {
            (ColumnType::Text, _) => return Ok(Verdict { kind: Kind::Text, ..Verdict::default() }),
            (ColumnType::Boolean, Kind::Boolean | Kind::Nothing) => Kind::Boolean,
            (ColumnType::Integer, Kind::Integer | Kind::Nothing) => Kind::Integer,
            (ColumnType::Number, Kind::Decimal | Kind::Nothing) => Kind::Decimal,
            (ColumnType::Number, Kind::Integer) if self.seen.fits_doubles() => Kind::Decimal,
            (ColumnType::Date(_), Kind::Date | Kind::Nothing) => Kind::Date,
            (ColumnType::Time(_), Kind::Date | Kind::Nothing) => Kind::Naive(Unit::Micros),
            (ColumnType::Time(_), kind @ (Kind::Naive(_) | Kind::Zoned(_))) => kind,
            _ => {
                let wanted = String::from(wanted.clone());
                let why =
                    Findings::new(&Dialect::default(), Vec::new(), std::iter::once((self.name.as_str(), &verdict)));
                let why = why.all_notes().next().map(|reason| format!(": {reason}")).unwrap_or_default();
                let reason =
                    format!("column `{}` is to be `{wanted}`, and its values are not all such{why}", self.name);
                return Err(TableError::Damaged { path: path.to_owned(), reason });
            }
        };
        verdict.kind = kind;
        Ok(verdict)
    }
}

/// What each column is. How the numbers and dates of some are written may say how those of others are.
fn verdicts(path: &Path, columns: &[Looked]) -> Result<Vec<Verdict>, TableError> {
    let alone: Vec<Verdict> =
        columns.iter().map(|column| column.seen.verdict(&column.hints, &Style::default())).collect();
    let mut marks: Vec<Marks> =
        alone.iter().map(|verdict| verdict.style.marks).filter(|marks| *marks != Marks::PLAIN).collect();
    let mut dates: Vec<Dates> =
        alone.into_iter().map(|verdict| verdict.style.dates).filter(|dates| *dates != Dates::Iso).collect();
    marks.dedup();
    dates.dedup();
    // Where they are not of one mind, they say nothing.
    let one = |marks: Vec<Marks>| if let [one] = marks.as_slice() { *one } else { Marks::PLAIN };
    let dates = if dates.len() == 1 { dates.pop() } else { None };
    let others = Style { marks: one(marks), dates: dates.unwrap_or_default() };
    columns.iter().map(|column| column.verdict(path, &others)).collect()
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
    let (reader, record) = Rows::open(path, &layout.dialect, text)?;
    let column = |(_, verdict): &(usize, Verdict)| {
        let mut words = Arc::clone(&layout.words);
        if verdict.kind == Kind::Boolean {
            let words = Arc::make_mut(&mut words);
            words.yes.extend(YES.map(str::to_owned));
            words.no.extend(NO.map(str::to_owned));
        }
        Column::written(verdict.kind, verdict.style.clone(), words)
    };
    let columns = layout.columns.iter().map(column).collect();
    Ok(CsvBatches { path: path.to_owned(), layout: layout.clone(), pace, reader, record, columns, rows: 0 })
}

/// An iterator over batches.
pub(crate) struct CsvBatches<R> {
    path: PathBuf,
    layout: Layout,
    pace: Pace,
    reader: Rows<R>,
    record: Record,
    columns: Vec<Column>,
    /// Rows of all batches so far.
    rows: u64,
}

impl<R: Read> CsvBatches<R> {
    fn read(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let mut rows = 0;
        let mut bytes = 0;
        while bytes < BATCH_BYTES && self.takes_more(rows) && self.next_row()? {
            for (index, (place, _)) in self.layout.columns.iter().enumerate() {
                let Some((field, quoted)) = self.record.cell(*place) else {
                    self.columns[index].push_null();
                    continue;
                };
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

    fn next_row(&mut self) -> Result<bool, TableError> {
        let next = self.reader.next(&mut self.record);
        // Of a text that was found to be in order, what is wrong with it now was not so before.
        if matches!((&self.pace, &next), (Pace::Stored, Err(TableError::Line { .. }))) {
            Err(self.changed())
        } else {
            next
        }
    }

    /// Whether a batch of so many rows goes on.
    fn takes_more(&self, rows: usize) -> bool {
        if self.layout.most.is_some_and(|most| self.rows + rows as u64 >= most) {
            return false;
        }
        match &self.pace {
            Pace::Stored => rows < BATCH_ROWS,
            Pace::Live { rows_max, patience } => {
                rows == 0 || rows < *rows_max && !patience.would_wait(self.reader.used())
            }
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
                let noun = self.layout.columns[column].1.kind.noun();
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

fn cell<'a>(path: &Path, line: u64, column: &str, bytes: &'a [u8]) -> Result<&'a str, TableError> {
    std::str::from_utf8(bytes).map_err(|error| TableError::Line {
        path: path.to_owned(),
        line,
        reason: format!(
            "column `{column}` is not UTF-8: byte 0x{:02x} at place {} of the cell; `encoding=` says \
             what it is, such as windows-1252",
            bytes[error.valid_up_to()],
            error.valid_up_to() + 1
        ),
    })
}

/// Names that are all different: a column without a name is named by its position, a name's repetitions are numbered.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(index, name): (usize, String)| {
        let name = if name.is_empty() { format!("column_{}", index + 1) } else { name };
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
    use crate::table::Delimiter;

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
            "`x.csv`, line 3: it has 1 field, but the header has 2: `ragged=fill` takes what it lacks as missing, `ragged=skip` leaves it out"
        );
        assert_eq!(
            error(b"a,b\n\"1\n1\",2\n3,4,5\n"),
            "`x.csv`, line 4: it has 3 fields, but the header has 2: `ragged=cut` leaves out what it has too much, `ragged=skip` all of it"
        );
        assert_eq!(
            error(b"a,b\n1,x\xff\n"),
            "`x.csv`, line 2: column `b` is not UTF-8: byte 0xff at place 2 of the cell; `encoding=` says what it is, such as \
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
