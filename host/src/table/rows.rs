//! The rows of a text: its records without the header, the comments and what is below the table, each as long as the
//! header, or made so where the user says so.

use super::cells::Record;
use super::dialect::Dialect;
use super::error::TableError;
use super::option_values::Ragged;
use super::records::{RecordError, Records};
use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where rows come from.
pub(super) trait RowSource {
    /// The next row. `false` after the last.
    ///
    /// # Errors
    /// What is wrong with it.
    fn next(&mut self, record: &mut Record) -> Result<bool, TableError>;

    /// What was done to rows, in words.
    fn notes(&self) -> Vec<String>;

    /// Bytes of the text that have been used, where it matters.
    fn used(&self) -> u64 {
        0
    }
}

/// Rows of a text.
pub(super) struct Rows<R> {
    path: PathBuf,
    records: Records<R>,
    dialect: Dialect,
    width: usize,
    /// The first record, where it is a row.
    first: Option<Record>,
    /// The last records, which may be below the table.
    held: VecDeque<Record>,
    filled: u64,
    cut: u64,
    skipped: u64,
}

impl<R: Read> Rows<R> {
    /// Reads the first record, and says what it is: names, or values.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub(super) fn open(path: &Path, dialect: &Dialect, text: R) -> Result<(Self, Record), TableError> {
        let mut records = Records::new(dialect, text);
        let mut record = Record::default();
        if !next(&mut records, &mut record, path)? {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        let rows = Self {
            path: path.to_owned(),
            records,
            dialect: dialect.clone(),
            width: record.len(),
            first: (!dialect.header).then(|| record.clone()),
            held: VecDeque::new(),
            filled: 0,
            cut: 0,
            skipped: 0,
        };
        Ok((rows, record))
    }

    /// The next record that is not below the table.
    fn raw(&mut self, record: &mut Record) -> Result<bool, TableError> {
        match self.first.take() {
            Some(first) => *record = first,
            None if !next(&mut self.records, record, &self.path)? => return Ok(false),
            None => {}
        }
        if self.dialect.footer == 0 {
            return Ok(true);
        }
        loop {
            self.held.push_back(std::mem::take(record));
            if self.held.len() as u64 > self.dialect.footer
                && let Some(oldest) = self.held.pop_front()
            {
                *record = oldest;
                return Ok(true);
            }
            if !next(&mut self.records, record, &self.path)? {
                return Ok(false);
            }
        }
    }

    /// Makes a record as long as the header, where that is wanted; `false` where it goes.
    fn fit(&mut self, record: &mut Record) -> Result<bool, TableError> {
        let is_short = record.len() < self.width;
        match self.dialect.ragged {
            Ragged::Fill | Ragged::Cut if is_short => self.filled += 1,
            Ragged::Cut => {
                record.cut(self.width);
                self.cut += 1;
            }
            Ragged::Skip => {
                self.skipped += 1;
                return Ok(false);
            }
            Ragged::Error | Ragged::Fill => return Err(self.ragged(record)),
        }
        Ok(true)
    }

    fn ragged(&self, record: &Record) -> TableError {
        let (found, expected) = (record.len(), self.width);
        let fields = if found == 1 { "1 field".into() } else { format!("{found} fields") };
        let what = if self.dialect.header { "header" } else { "first row" };
        let remedy = match (found < expected, self.dialect.ragged) {
            (true, _) => "`ragged=fill` takes what it lacks as missing, `ragged=skip` leaves it out",
            (false, _) => "`ragged=cut` leaves out what it has too much, `ragged=skip` all of it",
        };
        let comment = record.cell(0).is_some_and(|(cell, _)| cell.starts_with(b"#"));
        let remedy = if comment { format!("{remedy}, `comment=#` all comments") } else { remedy.to_owned() };
        let reason = format!("it has {fields}, but the {what} has {expected}: {remedy}");
        TableError::Line { path: self.path.clone(), line: record.line(), reason }
    }
}

impl<R: Read> RowSource for Rows<R> {
    fn next(&mut self, record: &mut Record) -> Result<bool, TableError> {
        while self.raw(record)? {
            if self.dialect.trailing {
                record.drop_trailing(self.width);
            }
            if record.len() == self.width || self.fit(record)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn used(&self) -> u64 {
        self.records.used()
    }

    fn notes(&self) -> Vec<String> {
        let rows = |count: u64, what: &str| {
            (count > 0).then(|| format!("{count} {} {what}", if count == 1 { "row" } else { "rows" }))
        };
        let all = [
            rows(self.filled, "had fewer cells than the header, and what they lack is missing"),
            rows(self.cut, "had more cells than the header, and those are left out"),
            rows(self.skipped, "had other numbers of cells than the header, and are left out"),
            rows(self.held.len() as u64, "below the table left out"),
            (self.records.comments() > 0).then(|| format!("{} lines of comments left out", self.records.comments())),
        ];
        all.into_iter().flatten().collect()
    }
}

fn next<R: Read>(records: &mut Records<R>, record: &mut Record, path: &Path) -> Result<bool, TableError> {
    records.next(record).map_err(|error| match error {
        RecordError::Io(source) => TableError::Read { path: path.to_owned(), source },
        RecordError::Line { line, reason } | RecordError::Open { line, reason } => {
            TableError::Line { path: path.to_owned(), line, reason }
        }
    })
}
