//! Records of delimited text: where each cell begins and ends, whether it was quoted, and on which line of the file its
//! record stands. Nothing is forgiven: a quote that is never closed, or text behind a closing quote, is an error of its
//! line. What cells mean is `cell.rs`'s.

use std::io::Read;
use std::ops::Range;

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

/// Longest record, quoted line breaks included: 256 MiB. A quote that is never closed would else take all memory.
const RECORD_MAX: usize = 256 << 20;

/// What ends the reading of records.
#[derive(Debug)]
pub(crate) enum RecordError {
    /// The text cannot be read.
    Io(std::io::Error),
    /// The text is no table, for this reason.
    Line { line: u64, reason: String },
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    bytes: Range<usize>,
    quoted: bool,
}

/// A record: its cells, without their quotes.
#[derive(Debug, Default)]
pub(crate) struct Record {
    text: Vec<u8>,
    cells: Vec<Cell>,
    line: u64,
}

impl Record {
    /// The line that it begins on, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The number of its cells.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Its cells, and whether each was quoted.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.cells.iter().map(|cell| (&self.text[cell.bytes.clone()], cell.quoted))
    }

    fn push(&mut self, start: usize, quoted: bool) {
        self.cells.push(Cell { bytes: start..self.text.len(), quoted });
    }
}

/// Reads records out of a text.
pub(crate) struct Records<R> {
    text: R,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    ended: bool,
    /// Bytes used before those in the buffer.
    used: u64,
    delimiter: u8,
    /// Line that the next byte is on.
    line: u64,
    /// Whether a carriage return ended the last line, and what follows it has not been seen.
    returned: bool,
    /// Cells of the first record.
    width: usize,
}

/// How a cell ended.
enum End {
    Cell,
    Record,
    Text,
}

impl<R: Read> Records<R> {
    pub(crate) fn new(delimiter: u8, text: R) -> Self {
        let buffer = vec![0; READ_BYTES];
        Self { text, buffer, at: 0, filled: 0, ended: false, used: 0, delimiter, line: 1, returned: false, width: 0 }
    }

    /// Bytes of the text that have been used.
    pub(crate) fn used(&self) -> u64 {
        self.used + self.at as u64
    }

    /// Reads the next record into `record`. Returns `false` at the end of the text.
    ///
    /// Empty lines between records are no records, but in a table of one column, where each is a missing value.
    ///
    /// # Errors
    /// [`RecordError`].
    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        if self.line == 1 && self.used() == 0 {
            self.skip_byte_order_mark()?;
        }
        loop {
            if std::mem::take(&mut self.returned) && self.peek()? == Some(b'\n') {
                self.at += 1;
            }
            record.text.clear();
            record.cells.clear();
            record.line = self.line;
            let Some(first) = self.peek()? else { return Ok(false) };
            if matches!(first, b'\n' | b'\r') {
                self.end_of_line();
                if self.width == 1 {
                    record.push(0, false);
                    return Ok(true);
                }
                continue;
            }
            while let End::Cell = self.cell(record)? {}
            if self.width == 0 {
                self.width = record.len();
            }
            return Ok(true);
        }
    }

    fn cell(&mut self, record: &mut Record) -> Result<End, RecordError> {
        let start = record.text.len();
        if self.peek()? == Some(b'"') {
            self.quoted(record)?;
            record.push(start, true);
            return match self.peek()? {
                None => Ok(End::Text),
                Some(b'\n' | b'\r') => {
                    self.end_of_line();
                    Ok(End::Record)
                }
                Some(byte) if byte == self.delimiter => {
                    self.at += 1;
                    Ok(End::Cell)
                }
                Some(_) => Err(self
                    .wrong(self.line, format!("column {} has text after its closing quote: {DOUBLED}", record.len()))),
            };
        }
        loop {
            let rest = &self.buffer[self.at..self.filled];
            let delimiter = self.delimiter;
            match memchr::memchr3(delimiter, b'\n', b'\r', rest) {
                Some(length) => {
                    record.text.extend_from_slice(&rest[..length]);
                    let end = rest[length];
                    self.at += length;
                    record.push(start, false);
                    if end == delimiter {
                        self.at += 1;
                        return Ok(End::Cell);
                    }
                    self.end_of_line();
                    return Ok(End::Record);
                }
                None => {
                    record.text.extend_from_slice(rest);
                    self.at = self.filled;
                    self.check_length(record)?;
                    if !self.fill()? {
                        record.push(start, false);
                        return Ok(End::Text);
                    }
                }
            }
        }
    }

    /// The content of quotes; a quote in them is doubled.
    fn quoted(&mut self, record: &mut Record) -> Result<(), RecordError> {
        let opened = self.line;
        self.at += 1;
        let mut after_return = false;
        loop {
            let rest = &self.buffer[self.at..self.filled];
            let length = memchr::memchr(b'"', rest).unwrap_or(rest.len());
            // Lines end with a line feed, a carriage return, or both.
            for byte in &rest[..length] {
                self.line += u64::from(*byte == b'\r' || *byte == b'\n' && !after_return);
                after_return = *byte == b'\r';
            }
            record.text.extend_from_slice(&rest[..length]);
            self.at += length;
            self.check_length(record)?;
            if self.at == self.filled {
                if self.fill()? {
                    continue;
                }
                return Err(self.wrong(opened, format!("the quote that begins here is never closed: {DOUBLED}")));
            }
            self.at += 1;
            after_return = false;
            if self.peek()? != Some(b'"') {
                return Ok(());
            }
            record.text.push(b'"');
            self.at += 1;
        }
    }

    /// Passes a line's end, which is the next byte.
    fn end_of_line(&mut self) {
        let byte = self.buffer[self.at];
        self.at += 1;
        self.line += 1;
        if byte != b'\r' {
            return;
        }
        if self.at == self.filled {
            // Its line feed may be on the way; a text that is still being made is not waited for here.
            self.returned = true;
        } else if self.buffer[self.at] == b'\n' {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, RecordError> {
        if self.at == self.filled && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    fn fill(&mut self) -> Result<bool, RecordError> {
        if self.ended {
            return Ok(false);
        }
        self.used += self.filled as u64;
        (self.at, self.filled) = (0, 0);
        loop {
            match self.text.read(&mut self.buffer) {
                Ok(read) => {
                    self.filled = read;
                    self.ended = read == 0;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(RecordError::Io(error)),
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), RecordError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        self.peek()?;
        // A pipe may give its first bytes one by one.
        while self.filled < MARK.len() && self.filled > 0 && MARK.starts_with(&self.buffer[..self.filled]) {
            let read = self.text.read(&mut self.buffer[self.filled..]).map_err(RecordError::Io)?;
            if read == 0 {
                break;
            }
            self.filled += read;
        }
        if self.buffer[..self.filled].starts_with(MARK) {
            self.at = MARK.len();
        }
        Ok(())
    }

    fn check_length(&self, record: &Record) -> Result<(), RecordError> {
        if record.text.len() <= RECORD_MAX {
            return Ok(());
        }
        Err(self.wrong(record.line, format!("a record of more than {} MiB begins here", RECORD_MAX >> 20)))
    }

    fn wrong(&self, line: u64, reason: String) -> RecordError {
        RecordError::Line { line, reason }
    }
}

const DOUBLED: &str = "a quote inside a cell is written twice, and the cell is in quotes";

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as the worst of pipes does.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn read(text: &[u8]) -> Result<Vec<(u64, Vec<String>)>, String> {
        fn all(text: impl Read) -> Result<Vec<(u64, Vec<String>)>, String> {
            let (mut records, mut record, mut rows) = (Records::new(b',', text), Record::default(), Vec::new());
            loop {
                match records.next(&mut record) {
                    Ok(false) => return Ok(rows),
                    Ok(true) => {
                        let show = |(cell, quoted): (&[u8], bool)| {
                            let text = String::from_utf8_lossy(cell).into_owned();
                            if quoted { format!("<{text}>") } else { text }
                        };
                        rows.push((record.line(), record.cells().map(show).collect()));
                    }
                    Err(RecordError::Line { line, reason }) => return Err(format!("{line}: {reason}")),
                    Err(RecordError::Io(error)) => return Err(error.to_string()),
                }
            }
        }
        let whole = all(text);
        assert_eq!(all(Drops(text)), whole, "in drops");
        whole
    }

    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        read(text.as_bytes()).unwrap()
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn records_have_their_cells_and_lines() {
        assert_eq!(rows("a,b\n1,\n"), [row(1, &["a", "b"]), row(2, &["1", ""])]);
        assert_eq!(rows("\u{feff}a,b\r\n\r\n\r\n1,2"), [row(1, &["a", "b"]), row(4, &["1", "2"])]);
        assert_eq!(rows("a,b\r1,2\r\r3,4\r"), [row(1, &["a", "b"]), row(2, &["1", "2"]), row(4, &["3", "4"])]);
        let quoted = "a,b\n\"x\n\"\"y\"\"\r\n,\",\"\"\n1,2\n";
        assert_eq!(rows(quoted), [row(1, &["a", "b"]), row(2, &["<x\n\"y\"\r\n,>", "<>"]), row(5, &["1", "2"])]);
        assert_eq!(rows("a,b\n5\" pipe,2\n"), [row(1, &["a", "b"]), row(2, &["5\" pipe", "2"])]);
        assert_eq!(rows(""), []);
    }

    #[test]
    fn an_empty_line_is_a_missing_value_of_the_only_column() {
        assert_eq!(
            rows("a\n1\n\n2\n\n"),
            [row(1, &["a"]), row(2, &["1"]), row(3, &[""]), row(4, &["2"]), row(5, &[""])]
        );
        assert_eq!(rows("\na,b\n\n1,2\n"), [row(2, &["a", "b"]), row(4, &["1", "2"])]);
    }

    #[test]
    fn nothing_is_forgiven() {
        let wrong = |text: &str| read(text.as_bytes()).unwrap_err();
        assert!(wrong("a,b\n1,\"x\n2,y\n").starts_with("2: the quote that begins here is never closed"));
        assert!(wrong("a,b\n1,\"x\"y\n").starts_with("2: column 2 has text after its closing quote"));
        assert!(wrong("a,b\n\"1\n\n\" ,2\n").starts_with("4: column 1 has text after its closing quote"));
    }
}
