//! The rows of a text: its records without the header, the comments and the rows below the table, each as long as the
//! header, or adjusted to it by the options.

use super::cells::Record;
use super::dialect::Dialect;
use super::error::TableError;
use super::record_error::RecordError;
use super::records::Records;
use longshore_model::table::{Ragged, Stray};
use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A source of rows.
pub(super) trait RowSource {
    /// The next row. `false` after the last.
    ///
    /// # Errors
    /// The row's error.
    fn next(&mut self, record: &mut Record) -> Result<bool, TableError>;

    /// Notes about rows that were changed or left out.
    fn notes(&self) -> Vec<String>;

    /// Skips the rest of a bad row, and returns it, so that the next can be read.
    ///
    /// # Errors
    /// If the text cannot be read.
    fn recover(&mut self) -> Result<Vec<u8>, TableError> {
        Ok(Vec::new())
    }

    /// Bytes of the text that have been used, where known.
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
    /// The first record, if it is a row.
    first: Option<Record>,
    /// The last records, which may be below the table.
    held: VecDeque<Record>,
    /// Whether the last record failed before its end.
    broken: bool,
    filled: u64,
    cut: u64,
    skipped: u64,
}

impl<R: Read> Rows<R> {
    /// Reads the names of the columns, or the first record if there are no names.
    ///
    /// # Errors
    /// If the text is empty, or cannot be read.
    pub(super) fn open(path: &Path, dialect: &Dialect, text: R) -> Result<(Self, Record), TableError> {
        let mut records = Records::new(dialect, text);
        let mut record = Record::default();
        if !next(&mut records, &mut record, path)? {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        if dialect.header > 1 || dialect.row_names {
            let mut lines = vec![record.clone()];
            while (lines.len() as u64) < dialect.header && next(&mut records, &mut record, path)? {
                lines.push(record.clone());
            }
            record = names(&lines, dialect.row_names);
        }
        let rows = Self {
            path: path.to_owned(),
            records,
            dialect: dialect.clone(),
            width: record.len(),
            first: (dialect.header == 0).then(|| record.clone()),
            held: VecDeque::new(),
            broken: false,
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
            None if !self.next_record(record)? => return Ok(false),
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
            if !self.next_record(record)? {
                return Ok(false);
            }
        }
    }

    fn next_record(&mut self, record: &mut Record) -> Result<bool, TableError> {
        self.broken = true;
        let more = next(&mut self.records, record, &self.path)?;
        self.broken = false;
        Ok(more)
    }

    /// Rejects a cell that begins without a quote and has one in its middle, if a later cell ends with one: `1"x, y"`
    /// may be two cells that lack a delimiter between them, but is read as two others.
    fn check_quotes(&self, record: &Record) -> Result<(), TableError> {
        let Some(quote) = self.dialect.quote.filter(|_| self.dialect.stray == Stray::Error) else { return Ok(()) };
        if memchr::memchr(quote, &record.text).is_none() {
            return Ok(());
        }
        let is_odd = |cell: &[u8]| memchr::memchr_iter(quote, cell).count() % 2 == 1;
        let mut begun = None;
        for (place, (cell, quoted)) in record.cells().enumerate() {
            if quoted || !is_odd(cell) {
                continue;
            }
            match (begun, cell.ends_with(&[quote])) {
                (None, false) => begun = Some(place),
                (Some(begun), true) => {
                    let quote = char::from(quote);
                    let reason = format!(
                        "column {} has a {quote} in its middle, and column {} ends with one: a delimiter may be \
                         missing before the first; `stray=text` reads both as text",
                        begun + 1,
                        place + 1
                    );
                    return Err(TableError::Line { path: self.path.clone(), line: record.line(), reason });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a record as long as the header, if the options ask for it; `false` if it is left out.
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
        let what = if self.dialect.header > 0 { "header" } else { "first row" };
        let remedy = match (found < expected, self.dialect.ragged) {
            (true, _) => "`ragged=fill` fills its absent cells with missing values, `ragged=skip` leaves it out",
            (false, _) => "`ragged=cut` leaves out its extra cells, `ragged=skip` the whole row",
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
            self.check_quotes(record)?;
            if self.dialect.trailing {
                record.drop_trailing(self.width);
            }
            if record.len() == self.width + 1
                && let Some(place) = self.dialect.surplus.get(&record.line())
            {
                record.remove(*place);
            }
            if record.len() == self.width || self.fit(record)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn recover(&mut self) -> Result<Vec<u8>, TableError> {
        let mut rest = Vec::new();
        if std::mem::take(&mut self.broken) {
            self.records.pass_line(Some(&mut rest)).map_err(|error| wrong(error, &self.path))?;
        }
        Ok(rest)
    }

    fn used(&self) -> u64 {
        self.records.used()
    }

    fn notes(&self) -> Vec<String> {
        let rows = |count: u64, what: &str| {
            (count > 0).then(|| format!("{count} {} {what}", if count == 1 { "row" } else { "rows" }))
        };
        let all = [
            rows(self.filled, "had fewer cells than the header; the absent cells are missing values"),
            rows(self.cut, "had more cells than the header; the extra cells are left out"),
            rows(self.skipped, "with a different number of cells than the header left out"),
            rows(self.held.len() as u64, "below the table left out"),
            (self.records.comments() > 0).then(|| format!("{} lines of comments left out", self.records.comments())),
        ];
        all.into_iter().flatten().collect()
    }
}

/// The names of the columns; those of several rows are joined with blanks.
fn names(lines: &[Record], row_names: bool) -> Record {
    let mut names = Record { line: lines.first().map_or(1, Record::line), ..Record::default() };
    if row_names {
        names.push(0, false);
    }
    for place in 0..lines.iter().map(Record::len).max().unwrap_or_default() {
        let start = names.text.len();
        for (part, _) in lines.iter().filter_map(|line| line.cell(place)).filter(|(part, _)| !part.is_empty()) {
            if names.text.len() > start {
                names.text.push(b' ');
            }
            names.text.extend_from_slice(part);
        }
        names.push(start, false);
    }
    names
}

fn next<R: Read>(records: &mut Records<R>, record: &mut Record, path: &Path) -> Result<bool, TableError> {
    records.next(record).map_err(|error| wrong(error, path))
}

fn wrong(error: RecordError, path: &Path) -> TableError {
    match error {
        RecordError::Io(source) => TableError::Read { path: path.to_owned(), source },
        RecordError::Line { line, reason } | RecordError::Open { line, reason } => {
            TableError::Line { path: path.to_owned(), line, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: &Dialect, text: &str) -> Result<Vec<Vec<String>>, String> {
        let all =
            |record: &Record| record.cells().map(|(cell, _)| String::from_utf8_lossy(cell).into_owned()).collect();
        let read = || {
            let (mut rows, mut record) = Rows::open(Path::new("x.csv"), dialect, text.as_bytes())?;
            let mut found = vec![all(&record)];
            while rows.next(&mut record)? {
                found.push(all(&record));
            }
            Ok(found)
        };
        read().map_err(|error: TableError| error.to_string())
    }

    #[test]
    fn names_of_several_rows_are_joined() {
        let lines = |header| Dialect { header, ..Dialect::default() };
        assert_eq!(read(&lines(2), "2023,,id\na,b,\n1,2,3\n").unwrap(), [["2023 a", "b", "id"], ["1", "2", "3"]]);
        assert_eq!(read(&lines(3), "a,b\nc,d\n").unwrap(), [["a c", "b d"]]);
        let named = Dialect { row_names: true, ..Dialect::default() };
        assert_eq!(read(&named, "a,b\nx,1,2\n").unwrap(), [["", "a", "b"], ["x", "1", "2"]]);
    }

    #[test]
    fn a_delimiter_that_lacks_before_quotes_is_no_cell() {
        let text = "a,b,c\n1,x\"y, z\",2\n";
        let wide = format!("a,b,c,d\n{}", &text[6..]);
        assert!(
            read(&Dialect::default(), &wide).unwrap_err().contains("column 2 has a \" in its middle, and column 3")
        );
        let stray = Dialect { stray: Stray::Text, ..Dialect::default() };
        assert_eq!(read(&stray, &wide).unwrap()[1], ["1", "x\"y", " z\"", "2"]);
        // Signs for inches do not quote text.
        let inches = "a,b\n5\",6\"\n5\" pipe,\"six \"\"inch\"\"\"\n";
        assert_eq!(read(&Dialect::default(), inches).unwrap()[1], ["5\"", "6\""]);
    }
}
