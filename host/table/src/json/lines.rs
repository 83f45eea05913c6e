//! The objects of a text, one after another: one per line in NDJSON, or the elements of an array in JSON.

use super::Form;
use super::elements::{Elements, Fault};
use super::value::Value;
use crate::ROW_BYTES_MAX;
use crate::error::TableError;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

/// Characters of a value that an error shows.
const VALUE_SHOWN: usize = 40;

/// The objects of a text, each with its line.
pub(super) struct Lines<R> {
    pub(super) path: PathBuf,
    text: R,
    /// Finds objects that are not on lines of their own.
    elements: Option<Elements>,
    buffer: Vec<u8>,
    pub(super) number: u64,
    /// Bytes of the text that have been used.
    pub(super) used: u64,
}

/// One object.
pub(super) struct Line<'a> {
    pub(super) number: u64,
    pub(super) text: &'a str,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(path: &Path, form: Form<'_>, text: R) -> Self {
        let elements = match form {
            Form::Lines => None,
            Form::Values(fields) => Some(Elements::new(fields)),
        };
        Self { path: path.to_owned(), text, elements, buffer: Vec::new(), number: 0, used: 0 }
    }

    /// Whether the objects have no array around them, and need not be on lines of their own.
    pub(super) fn is_sequence(&self) -> bool {
        self.elements.as_ref().is_some_and(Elements::is_sequence)
    }

    /// The text of the object read last, even if it is invalid.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).trim().to_owned()
    }

    /// The next object; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, TableError> {
        if let Some(elements) = &mut self.elements {
            let next = elements.next(&mut self.text, &mut self.buffer);
            let line = elements.line();
            let wrong = |reason| TableError::Line { path: self.path.clone(), line, reason };
            match next {
                Ok(None) => return Ok(None),
                Ok(Some(number)) => self.number = number,
                Err(Fault::Words(reason)) => return Err(wrong(reason)),
                Err(Fault::Io(source)) => return Err(TableError::Read { path: self.path.clone(), source }),
            }
            if self.buffer.first() != Some(&b'{') {
                let shown: String = String::from_utf8_lossy(&self.buffer).chars().take(VALUE_SHOWN).collect();
                return Err(wrong(format!("`{shown}` is not a JSON object, but a row must be one")));
            }
            let text = std::str::from_utf8(&self.buffer);
            let text = text.map_err(|error| wrong(not_utf8(&self.buffer, error)))?;
            return Ok(Some(Line { number: self.number, text }));
        }
        loop {
            self.buffer.clear();
            let read = self.text.by_ref().take(ROW_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|source| TableError::Read { path: self.path.clone(), source })? as u64;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.used += read;
            let wrong = |reason| TableError::Line { path: self.path.clone(), line: self.number, reason };
            if read > ROW_BYTES_MAX as u64 {
                return Err(wrong(format!("it is longer than {} MiB", ROW_BYTES_MAX >> 20)));
            }
            let bytes = match self.buffer.strip_prefix(b"\xef\xbb\xbf") {
                Some(rest) if self.number == 1 => rest,
                _ => &self.buffer[..],
            };
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if let Err(error) = std::str::from_utf8(bytes) {
                return Err(wrong(not_utf8(bytes, error)));
            }
            break;
        }
        let text = std::str::from_utf8(&self.buffer).unwrap_or_default();
        let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        Ok(Some(Line { number: self.number, text: text.trim() }))
    }
}

fn not_utf8(bytes: &[u8], error: Utf8Error) -> String {
    let (at, byte) = (error.valid_up_to() + 1, bytes[error.valid_up_to()]);
    format!("it is not UTF-8: byte 0x{byte:02x} at place {at}: set `encoding=`, such as windows-1252")
}

impl<'a> Line<'a> {
    /// The line's object.
    pub(super) fn row(&self, path: &Path) -> Result<Value<'a>, TableError> {
        Value::row(self.text).map_err(|reason| TableError::Line { path: path.to_owned(), line: self.number, reason })
    }
}
