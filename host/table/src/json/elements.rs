//! Finds the bounds of each value of a JSON text: the elements of an array, or values one after another. Only brackets
//! and quotes are examined; `value.rs` parses the values and rejects what is not valid JSON.

use crate::ROW_BYTES_MAX;
use std::io::{BufRead, Error};

/// Why a text cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    Io(Error),
    Words(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Io(error)
    }
}

/// The values of a text, one after another.
#[derive(Debug)]
pub(super) struct Elements {
    /// The names of the fields that lead to them.
    path: Vec<String>,
    state: State,
    /// The line that the next byte is on, from 1.
    line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been read.
    Start,
    /// In an array, before its first element, or after one.
    First,
    Next,
    /// Values without an array around them.
    Values,
    End,
}

/// Names of fields that an error shows.
const NAMES_SHOWN: usize = 20;

/// Maximum depth of nesting; a deeper value cannot be a table.
const DEPTH_MAX: u32 = 1000;

impl Elements {
    /// The values below a path: field names separated by points, or no path.
    pub(super) fn new(path: Option<&str>) -> Self {
        let path = path.map(|path| path.split('.').map(str::to_owned).collect()).unwrap_or_default();
        Self { path, state: State::Start, line: 1 }
    }

    /// Reads the next value into `buffer`. Returns the line that it begins on; `None` after the last.
    ///
    /// # Errors
    /// [`Fault`].
    pub(super) fn next(&mut self, text: &mut impl BufRead, buffer: &mut Vec<u8>) -> Result<Option<u64>, Fault> {
        buffer.clear();
        if self.state == State::Start {
            self.start(text)?;
        }
        let first = self.peek(text)?;
        match (self.state, first) {
            (State::First, Some(b']')) | (State::Next, Some(b']')) => {
                text.consume(1);
                self.state = State::End;
                // The text around a path's array does not matter, but data after an array without a path is an error.
                if self.path.is_empty() && self.peek(text)?.is_some() {
                    return Err(words("data follows the end of the array"));
                }
                return Ok(None);
            }
            (State::Next, Some(b',')) => {
                text.consume(1);
                if self.peek(text)? == Some(b']') {
                    return Err(words("the array ends with a comma: remove it"));
                }
            }
            (State::Next, Some(_)) => return Err(words("there is no comma between two values of the array")),
            (State::First | State::Next, None) => {
                return Err(words("the file ends within its array: it is truncated"));
            }
            (State::Values, None) | (State::End, _) => return Ok(None),
            _ => {}
        }
        if self.state == State::First {
            self.state = State::Next;
        }
        let line = self.line;
        self.value(text, Some(buffer))?;
        if buffer.is_empty() {
            return Err(words("a value of the array is missing"));
        }
        Ok(Some(line))
    }

    /// Whether the values have no array around them.
    pub(super) fn is_sequence(&self) -> bool {
        self.state == State::Values
    }

    /// The current line.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Follows the path to its value.
    fn start(&mut self, text: &mut impl BufRead) -> Result<(), Fault> {
        if text.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            text.consume(3);
        }
        for name in self.path.clone() {
            self.enter(text, &name)?;
        }
        self.state = match self.peek(text)? {
            Some(b'[') => {
                text.consume(1);
                State::First
            }
            Some(_) if !self.path.is_empty() => {
                return Err(words(&format!("`path={}` leads to a single value, not to a list", self.path.join("."))));
            }
            _ => State::Values,
        };
        Ok(())
    }

    /// Enters an object, up to the value of a field.
    fn enter(&mut self, text: &mut impl BufRead, wanted: &str) -> Result<(), Fault> {
        let path = self.path.join(".");
        if self.peek(text)? != Some(b'{') {
            return Err(words(&format!("`path={path}`: cannot look up field `{wanted}`: the value is not an object")));
        }
        text.consume(1);
        let mut names = Vec::new();
        let mut raw = Vec::new();
        loop {
            match self.peek(text)? {
                Some(b',') => {
                    text.consume(1);
                    continue;
                }
                Some(b'"') => {}
                Some(b'}') => {
                    let there: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                    return Err(words(&format!(
                        "`path={path}`: there is no field `{wanted}`, but {}",
                        if there.is_empty() { "none".into() } else { there.join(", ") }
                    )));
                }
                _ => return Err(words("a field of an object has no name in quotes")),
            }
            raw.clear();
            self.value(text, Some(&mut raw))?;
            let name: String =
                serde_json::from_slice(&raw).map_err(|error| words(&format!("a field name is not text: {error}")))?;
            if self.peek(text)? != Some(b':') {
                return Err(words(&format!("a colon is missing after the field name `{name}`")));
            }
            text.consume(1);
            if name == wanted {
                return Ok(());
            }
            self.peek(text)?;
            self.value(text, None)?;
            if names.len() < NAMES_SHOWN {
                names.push(name);
            }
        }
    }

    /// Reads one value, and copies it if `into` is given.
    fn value(&mut self, text: &mut impl BufRead, mut into: Option<&mut Vec<u8>>) -> Result<(), Fault> {
        let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
        let (mut length, mut is_scalar) = (0_u64, true);
        loop {
            let chunk = text.fill_buf()?;
            if chunk.is_empty() {
                return match depth == 0 && !quoted && length > 0 {
                    true => Ok(()),
                    false => Err(words("the file ends within a value: it is truncated")),
                };
            }
            let mut end = None;
            for (at, byte) in chunk.iter().enumerate() {
                if quoted {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => {
                            quoted = false;
                            if depth == 0 {
                                end = Some(at + 1);
                                break;
                            }
                        }
                        _ => {}
                    }
                    continue;
                }
                match byte {
                    // The end of a number or a word, directly before another value.
                    b'"' | b'{' | b'[' if depth == 0 && (at > 0 || length > 0) && is_scalar => {
                        end = Some(at);
                        break;
                    }
                    b'"' => {
                        quoted = true;
                        is_scalar = false;
                    }
                    b'{' | b'[' => {
                        depth += 1;
                        is_scalar = false;
                        if depth > DEPTH_MAX {
                            return Err(words(&format!("values are nested more than {DEPTH_MAX} deep")));
                        }
                    }
                    b'}' | b']' if depth > 1 => depth -= 1,
                    b'}' | b']' if depth == 1 => {
                        end = Some(at + 1);
                        break;
                    }
                    b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => {
                        end = Some(at);
                        break;
                    }
                    _ => {}
                }
            }
            let used = end.unwrap_or(chunk.len());
            length += used as u64;
            if length > ROW_BYTES_MAX as u64 {
                return Err(words(&format!(
                    "a value of more than {} MiB begins here: if its rows are in one of its fields, name it with \
                     `path=`",
                    ROW_BYTES_MAX >> 20
                )));
            }
            if let Some(into) = &mut into {
                into.extend_from_slice(&chunk[..used]);
            }
            self.line += memchr::memchr_iter(b'\n', &chunk[..used]).count() as u64;
            text.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// The next byte that is not a blank.
    fn peek(&mut self, text: &mut impl BufRead) -> Result<Option<u8>, Fault> {
        loop {
            let chunk = text.fill_buf()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let blanks = chunk.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
            let found = blanks.map(|at| chunk[at]);
            let used = blanks.unwrap_or(chunk.len());
            self.line += memchr::memchr_iter(b'\n', &chunk[..used]).count() as u64;
            text.consume(used);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
}

fn words(text: &str) -> Fault {
    Fault::Words(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn read_in(text: &str, path: Option<&str>, room: usize) -> Result<Vec<(u64, String)>, String> {
        let mut elements = Elements::new(path);
        let (mut text, mut buffer, mut all) = (BufReader::with_capacity(room, text.as_bytes()), Vec::new(), Vec::new());
        loop {
            match elements.next(&mut text, &mut buffer) {
                Ok(Some(line)) => all.push((line, String::from_utf8(buffer.clone()).unwrap())),
                Ok(None) => return Ok(all),
                Err(Fault::Words(words)) => return Err(words),
                Err(Fault::Io(error)) => return Err(error.to_string()),
            }
        }
    }

    fn read(text: &str, path: Option<&str>) -> Result<Vec<(u64, String)>, String> {
        let whole = read_in(text, path, 4096);
        assert_eq!(read_in(text, path, 1), whole, "in drops");
        whole
    }

    #[test]
    fn arrays_and_sequences_have_their_values() {
        let of = |line, text: &str| (line, text.to_owned());
        assert_eq!(read("[]", None).unwrap(), []);
        assert_eq!(read(" \n ", None).unwrap(), []);
        let array = "[\n{\"a\": \"]}\\\"\"},\n {\"b\": [1, {\"c\": 2}]\n}, {}]\n";
        let values = [of(2, "{\"a\": \"]}\\\"\"}"), of(3, "{\"b\": [1, {\"c\": 2}]\n}"), of(4, "{}")];
        assert_eq!(read(array, None).unwrap(), values);
        assert_eq!(read("{\"a\":1}\n\n{\n\"a\":2}", None).unwrap(), [of(1, "{\"a\":1}"), of(3, "{\n\"a\":2}")]);
        assert_eq!(read("[1, \"x\",null]", None).unwrap(), [of(1, "1"), of(1, "\"x\""), of(1, "null")]);
        let nested = "{\"meta\": {\"n\": [1]}, \"da\\u0074a\": {\"items\": [{\"a\":1}, {\"a\":2}]}, \"rest\": 0}";
        assert_eq!(read(nested, Some("data.items")).unwrap(), [of(1, "{\"a\":1}"), of(1, "{\"a\":2}")]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, path, part) in [
            ("[{}", None, "within its array"),
            ("[{\"a\":1", None, "within a value"),
            ("[{} {}]", None, "no comma between"),
            ("[{},]", None, "the array ends with a comma"),
            ("[,{}]", None, "is missing"),
            ("[{}] {}", None, "data follows the end of the array"),
            ("{\"a\":[]}", Some("b"), "there is no field `b`, but `a`"),
            ("{\"a\":{\"c\":1}}", Some("a.c"), "`path=a.c` leads to a single value"),
            ("[]", Some("a"), "cannot look up field `a`"),
        ] {
            let error = read(text, path).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
