//! Records of delimited text: the bounds of each cell, whether it was quoted, and the line of its record. An unclosed
//! quote, or text after a closing quote, is an error. `cell.rs` interprets the cells.

use super::cells::Record;
use super::dialect::Dialect;
use super::record_error::RecordError;
use super::window::Window;
use super::{COLUMNS_MAX, ROW_BYTES_MAX};
use longshore_model::table::{Delimiter, Stray};
use std::io::Read;

/// Bytes in which the end of quotes is searched first.
const AHEAD_BYTES: usize = 4 << 10;

/// Reads records from a text.
pub(crate) struct Records<R> {
    text: Window<R>,
    dialect: Dialect,
    /// The delimiter, if it is one byte and the text has no escapes.
    byte: Option<u8>,
    /// The line of the next byte.
    line: u64,
    /// Whether a carriage return ended the last line, and the byte after it has not been read.
    returned: bool,
    /// Cells of the first record.
    width: usize,
    /// The number of comment lines.
    comments: u64,
}

/// How a cell ended.
enum End {
    Cell,
    Record,
    Text,
}

impl<R: Read> Records<R> {
    pub(crate) fn new(dialect: &Dialect, text: R) -> Self {
        let byte = match dialect.delimiter {
            Delimiter::Byte(byte) if dialect.escape.is_none() => Some(byte),
            _ => None,
        };
        let (text, dialect) = (Window::new(text), dialect.clone());
        Self { text, dialect, byte, line: 1, returned: false, width: 0, comments: 0 }
    }

    /// The number of comment lines so far.
    pub(crate) fn comments(&self) -> u64 {
        self.comments
    }

    /// Bytes of the text used so far.
    pub(crate) fn used(&self) -> u64 {
        self.text.used()
    }

    /// Skips the lines above the table.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub(crate) fn begin(&mut self) -> Result<(), RecordError> {
        self.text.skip_byte_order_mark()?;
        for _ in 0..self.dialect.skip {
            self.skip_line()?;
        }
        Ok(())
    }

    /// Reads the next record into `record`. Returns `false` at the end of the text.
    ///
    /// Empty lines are skipped, except in a table of one column, where each is a missing value.
    ///
    /// # Errors
    /// [`RecordError`].
    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        if self.line == 1 && self.used() == 0 {
            self.begin()?;
        }
        loop {
            if std::mem::take(&mut self.returned) && self.text.peek()? == Some(b'\n') {
                self.text.at += 1;
            }
            record.text.clear();
            record.cells.clear();
            record.line = self.line;
            let Some(first) = self.text.peek()? else { return Ok(false) };
            if matches!(first, b'\n' | b'\r') {
                self.end_of_line();
                if self.width == 1 {
                    record.push(0, false);
                    return Ok(true);
                }
                continue;
            }
            if self.is_comment()? {
                self.skip_line()?;
                self.comments += 1;
                continue;
            }
            while let End::Cell = self.cell(record)? {
                if record.cells.len() >= COLUMNS_MAX {
                    let reason = format!("a record of more than {COLUMNS_MAX} cells begins here");
                    return Err(RecordError::Line { line: record.line, reason });
                }
            }
            if self.dialect.delimiter == Delimiter::Blanks && record.cells.is_empty() {
                continue;
            }
            if self.width == 0 {
                self.width = record.len();
            }
            return Ok(true);
        }
    }

    fn cell(&mut self, record: &mut Record) -> Result<End, RecordError> {
        if self.dialect.trim || self.dialect.delimiter == Delimiter::Blanks {
            self.skip_blanks()?;
            if self.dialect.delimiter == Delimiter::Blanks && matches!(self.text.peek()?, None | Some(b'\n' | b'\r')) {
                return self.after_cell(record);
            }
        }
        let start = record.text.len();
        let opens = self.dialect.quote.is_some() && self.text.peek()? == self.dialect.quote;
        if opens && (self.dialect.stray == Stray::Error || self.closes()?) {
            self.quoted(record)?;
            record.push(start, true);
            if self.dialect.trim {
                self.skip_blanks()?;
            }
            return self.after_cell(record);
        }
        let Some(delimiter) = self.byte else { return self.slow_cell(record, start) };
        loop {
            let rest = self.text.rest();
            match memchr::memchr3(delimiter, b'\n', b'\r', rest) {
                Some(length) => {
                    record.text.extend_from_slice(&rest[..length]);
                    let end = rest[length];
                    self.text.at += length;
                    record.push(start, false);
                    if end == delimiter {
                        self.text.at += 1;
                        return Ok(End::Cell);
                    }
                    self.end_of_line();
                    return Ok(End::Record);
                }
                None => {
                    record.text.extend_from_slice(rest);
                    self.text.at = self.text.filled;
                    self.check_length(record)?;
                    if !self.text.fill()? {
                        record.push(start, false);
                        return Ok(End::Text);
                    }
                }
            }
        }
    }

    /// Reads the delimiter or the line end after a cell.
    fn after_cell(&mut self, record: &Record) -> Result<End, RecordError> {
        match self.text.peek()? {
            None => Ok(End::Text),
            Some(b'\n' | b'\r') => {
                self.end_of_line();
                Ok(End::Record)
            }
            Some(_) if self.takes_delimiter()? => Ok(End::Cell),
            Some(_) => {
                let quote = self.dialect.quote.map(char::from).unwrap_or_default();
                let hint = if self.dialect.escape.is_some() {
                    ""
                } else {
                    ", or `escape=\\` is set if a backslash precedes it"
                };
                let reason = format!(
                    "column {} has text after its closing quote: {DOUBLED}{hint}; `stray=text` reads a stray {quote} as \
                     text, `quote=none` reads all of them as text",
                    record.len()
                );
                Err(RecordError::Line { line: self.line, reason })
            }
        }
    }

    /// Skips a delimiter, if one is next.
    fn takes_delimiter(&mut self) -> Result<bool, RecordError> {
        let needed = match &self.dialect.delimiter {
            Delimiter::Byte(_) | Delimiter::Blanks => 1,
            Delimiter::Text(text) => text.len(),
        };
        let rest = self.text.ahead(needed)?;
        let length = match &self.dialect.delimiter {
            Delimiter::Byte(byte) => usize::from(self.text.buffer[rest.clone()].first() == Some(byte)),
            Delimiter::Blanks => usize::from(matches!(self.text.buffer[rest.clone()].first(), Some(b' ' | b'\t'))),
            Delimiter::Text(text) if self.text.buffer[rest].starts_with(text.as_bytes()) => text.len(),
            Delimiter::Text(_) => 0,
        };
        self.text.at += length;
        Ok(length > 0)
    }

    /// Reads a cell without quotes, byte by byte.
    fn slow_cell(&mut self, record: &mut Record, start: usize) -> Result<End, RecordError> {
        loop {
            match self.text.peek()? {
                None | Some(b'\n' | b'\r') => {
                    record.push(start, false);
                    return self.after_cell(record);
                }
                Some(_) if self.takes_delimiter()? => {
                    record.push(start, false);
                    return Ok(End::Cell);
                }
                Some(byte) => {
                    self.text.at += 1;
                    let escaped = if self.dialect.escape == Some(byte) { self.text.peek()? } else { None };
                    if let Some(escaped) = escaped {
                        self.text.at += 1;
                        self.line += u64::from(escaped == b'\n');
                    }
                    record.text.push(escaped.unwrap_or(byte));
                    self.check_length(record)?;
                }
            }
        }
    }

    /// Whether the quotes that begin here end at the end of a cell. If not, they are text.
    fn closes(&mut self) -> Result<bool, RecordError> {
        let quote = self.dialect.quote.unwrap_or(b'"');
        let escape = self.dialect.escape.unwrap_or(quote);
        let delimiter = match &self.dialect.delimiter {
            Delimiter::Byte(byte) => std::slice::from_ref(byte),
            Delimiter::Text(text) => text.as_bytes(),
            Delimiter::Blanks => b" \t",
        };
        let (mut place, mut length) = (1, AHEAD_BYTES);
        loop {
            let there = self.text.ahead(length)?;
            let bytes = &self.text.buffer[there];
            let is_all = bytes.len() < length;
            while let Some(found) = memchr::memchr2(quote, escape, &bytes[place.min(bytes.len())..]) {
                let (at, mut behind) = (place + found, &bytes[place + found + 1..]);
                if bytes[at] != quote || behind.first() == Some(&quote) {
                    place = at + 2;
                    continue;
                }
                if self.dialect.trim {
                    let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t') && delimiter != [**byte]);
                    behind = &behind[blanks.count()..];
                }
                if !is_all && behind.len() < delimiter.len() {
                    break;
                }
                let ends = match (&self.dialect.delimiter, behind.first()) {
                    (_, None | Some(b'\n' | b'\r')) => true,
                    (Delimiter::Blanks, Some(byte)) => delimiter.contains(byte),
                    _ => behind.starts_with(delimiter),
                };
                return Ok(ends);
            }
            if is_all || length > ROW_BYTES_MAX {
                return Ok(false);
            }
            length *= 2;
        }
    }

    fn skip_blanks(&mut self) -> Result<(), RecordError> {
        while let Some(byte @ (b' ' | b'\t')) = self.text.peek()? {
            if self.dialect.delimiter == Delimiter::Byte(byte) {
                break;
            }
            self.text.at += 1;
        }
        Ok(())
    }

    fn is_comment(&mut self) -> Result<bool, RecordError> {
        let Some(length) = self.dialect.comment.as_ref().map(String::len) else { return Ok(false) };
        let rest = self.text.ahead(length)?;
        Ok(self.dialect.comment.as_ref().is_some_and(|comment| self.text.buffer[rest].starts_with(comment.as_bytes())))
    }

    fn skip_line(&mut self) -> Result<(), RecordError> {
        self.pass_line(None)
    }

    /// Skips the rest of a line, and keeps at most the bytes that a row may have in `passed`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub(crate) fn pass_line(&mut self, mut passed: Option<&mut Vec<u8>>) -> Result<(), RecordError> {
        loop {
            let rest = self.text.rest();
            let end = memchr::memchr2(b'\n', b'\r', rest);
            if let Some(passed) = &mut passed {
                let length = end.unwrap_or(rest.len()).min(ROW_BYTES_MAX - passed.len());
                passed.extend_from_slice(&rest[..length]);
            }
            if let Some(length) = end {
                self.text.at += length;
                self.end_of_line();
                if std::mem::take(&mut self.returned) && self.text.peek()? == Some(b'\n') {
                    self.text.at += 1;
                }
                return Ok(());
            }
            self.text.at = self.text.filled;
            if !self.text.fill()? {
                return Ok(());
            }
        }
    }

    /// Reads the content of quotes; a quote in it is doubled.
    fn quoted(&mut self, record: &mut Record) -> Result<(), RecordError> {
        let opened = self.line;
        let quote = self.dialect.quote.unwrap_or(b'"');
        let escape = self.dialect.escape.unwrap_or(quote);
        self.text.at += 1;
        let mut after_return = false;
        loop {
            let rest = self.text.rest();
            let length = memchr::memchr2(quote, escape, rest).unwrap_or(rest.len());
            // Lines end with a line feed, a carriage return, or both.
            for byte in &rest[..length] {
                self.line += u64::from(*byte == b'\r' || *byte == b'\n' && !after_return);
                after_return = *byte == b'\r';
            }
            record.text.extend_from_slice(&rest[..length]);
            self.text.at += length;
            self.check_length(record)?;
            if self.text.at == self.text.filled {
                if self.text.fill()? {
                    continue;
                }
                let reason = format!(
                    "the quote that begins here is never closed: {DOUBLED}; `stray=text` reads it as text, `quote=none` \
                     reads all quotes as text"
                );
                return Err(RecordError::Open { line: opened, reason });
            }
            let found = self.text.buffer[self.text.at];
            self.text.at += 1;
            after_return = false;
            if found != quote {
                // An escaped character is itself, whatever it is.
                if let Some(escaped) = self.text.peek()? {
                    self.line += u64::from(escaped == b'\n');
                    record.text.push(escaped);
                    self.text.at += 1;
                }
                continue;
            }
            if self.text.peek()? != Some(quote) {
                return Ok(());
            }
            record.text.push(quote);
            self.text.at += 1;
        }
    }

    /// Skips the end of a line, which is the next byte.
    fn end_of_line(&mut self) {
        let byte = self.text.buffer[self.text.at];
        self.text.at += 1;
        self.line += 1;
        if byte != b'\r' {
            return;
        }
        if self.text.at == self.text.filled {
            // Its line feed may still arrive; this does not wait for it.
            self.returned = true;
        } else if self.text.buffer[self.text.at] == b'\n' {
            self.text.at += 1;
        }
    }

    fn check_length(&self, record: &Record) -> Result<(), RecordError> {
        if record.text.len() <= ROW_BYTES_MAX {
            return Ok(());
        }
        let reason = format!("a record of more than {} MiB begins here", ROW_BYTES_MAX >> 20);
        Err(RecordError::Line { line: record.line, reason })
    }
}

const DOUBLED: &str = "a quote inside a cell is written twice, and the cell is in quotes";

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one byte at a time, like the slowest pipe.
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
        read_as(&Dialect::default(), text)
    }

    fn read_as(dialect: &Dialect, text: &[u8]) -> Result<Vec<(u64, Vec<String>)>, String> {
        fn all(dialect: &Dialect, text: impl Read) -> Result<Vec<(u64, Vec<String>)>, String> {
            let (mut records, mut record, mut rows) = (Records::new(dialect, text), Record::default(), Vec::new());
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
                    Err(RecordError::Line { line, reason } | RecordError::Open { line, reason }) => {
                        return Err(format!("{line}: {reason}"));
                    }
                    Err(RecordError::Io(error)) => return Err(error.to_string()),
                }
            }
        }
        let whole = all(dialect, text);
        assert_eq!(all(dialect, Drops(text)), whole, "in drops");
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

    #[test]
    fn stray_quotes_are_text_where_that_is_said() {
        let dialect = Dialect { stray: Stray::Text, ..Dialect::default() };
        let read = |text: &str| read_as(&dialect, text.as_bytes()).unwrap();
        assert_eq!(read("\"a,\"b, c\",d\n1,2,3\n"), [row(1, &["\"a", "<b, c>", "d"]), row(2, &["1", "2", "3"])]);
        assert_eq!(read("a,\"\n1,\"x\"y\n"), [row(1, &["a", "\""]), row(2, &["1", "\"x\"y"])]);
        assert_eq!(read("a,\"x\n\"\"y\"\r\n"), [row(1, &["a", "<x\n\"y>"])]);
        let long = "x".repeat(3 * AHEAD_BYTES);
        assert_eq!(read(&format!("a,\"{long}\"\n")), [row(1, &["a", &format!("<{long}>")])]);
        assert_eq!(read(&format!("a,\"{long}\n")), [row(1, &["a", &format!("\"{long}")])]);
        let longer = "y,".repeat(200_000);
        assert_eq!(read(&format!("a,\"{longer}\"\n")), [row(1, &["a", &format!("<{longer}>")])]);
        let trimmed = Dialect { trim: true, ..dialect.clone() };
        let rows = read_as(&trimmed, b"\"a\" , \"b\"c, d\n").unwrap();
        assert_eq!(rows, [row(1, &["<a>", "\"b\"c", "d"])]);
    }
}
