//! Finds the values of a block of lines, each an object of known fields, without allocating. For a block that has
//! another field, or is not valid, it finds none: `value.rs` then parses each line and reports the reason.

use super::value::Value;
use std::borrow::Cow;
use std::ops::Range;

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The row does not have the field.
    Absent,
    Null,
    True,
    False,
    Number,
    Text,
    /// A list or an object, not parsed.
    Nested,
}

/// A value's kind and place.
#[derive(Debug, Clone, Copy)]
struct Token {
    what: What,
    start: u32,
    end: u32,
}

/// The token of a field until it is found.
const ABSENT: Token = Token { what: What::Absent, start: 0, end: 0 };

/// The values of a block, row by row.
pub(super) struct Tokens {
    /// The block, followed by the texts whose escapes were replaced.
    text: String,
    tokens: Vec<Token>,
    width: usize,
    rows: usize,
}

impl Tokens {
    /// Finds the values of the fields `names`. `None` if there are other fields, or a line is invalid; the block is
    /// then unchanged.
    pub(super) fn of(block: &mut Vec<u8>, names: &[String]) -> Option<Self> {
        // Texts are not longer without their escapes.
        u32::try_from(block.len()).ok()?.checked_mul(2)?;
        std::str::from_utf8(block).ok()?;
        let mut finder = Finder { tokens: Vec::with_capacity(block.len() / 16), unescaped: Vec::new(), names, rows: 0 };
        let mut at = 0;
        while at < block.len() {
            let end = memchr::memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
            finder.line(block, at, end)?;
            at = end + 1;
        }
        let Finder { tokens, unescaped, rows, .. } = finder;
        block.extend_from_slice(&unescaped);
        let text = String::from_utf8(std::mem::take(block)).ok()?;
        Some(Self { text, tokens, width: names.len(), rows })
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The values of one field in a range of rows; a list or an object is an error if it is invalid.
    pub(super) fn column(&self, field: usize, rows: Range<usize>) -> impl Iterator<Item = Result<Value<'_>, String>> {
        let tokens = &self.tokens[rows.start * self.width..rows.end * self.width];
        tokens.iter().skip(field).step_by(self.width).map(|token| {
            let text = &self.text[token.start as usize..token.end as usize];
            Ok(match token.what {
                What::Absent | What::Null => Value::Null,
                What::True => Value::Boolean(true),
                What::False => Value::Boolean(false),
                What::Number => Value::Number(text),
                What::Text => Value::Text(Cow::Borrowed(text)),
                What::Nested => return Value::field(text),
            })
        })
    }

    /// Bytes of the values of one field in a range of rows.
    pub(super) fn bytes(&self, field: usize, rows: Range<usize>) -> usize {
        let tokens = &self.tokens[rows.start * self.width..rows.end * self.width];
        tokens.iter().skip(field).step_by(self.width).map(|token| (token.end - token.start) as usize).sum()
    }

    /// The block's memory, for reuse.
    pub(super) fn into_block(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// The state of the search for values.
struct Finder<'a> {
    tokens: Vec<Token>,
    unescaped: Vec<u8>,
    names: &'a [String],
    rows: usize,
}

impl Finder<'_> {
    /// Finds the values of a line, unless it is blank.
    fn line(&mut self, block: &[u8], start: usize, end: usize) -> Option<()> {
        let line = &block[..end];
        let mut at = after_blanks(line, start);
        if at == end {
            return Some(());
        }
        let row = self.tokens.len();
        self.tokens.resize(row + self.names.len(), ABSENT);
        self.rows += 1;
        at = after_blanks(line, after(line, at, b'{')?);
        if line.get(at) == Some(&b'}') {
            return (after_blanks(line, at + 1) == end).then_some(());
        }
        for likely in 0.. {
            let (name, next) = name(line, at)?;
            let is_likely = self.names.get(likely).is_some_and(|likely| *likely == *name);
            let field = if is_likely { likely } else { self.names.iter().position(|known| *known == *name)? };
            at = after_blanks(line, after(line, after_blanks(line, next), b':')?);
            let token = self.value(block, at, end)?;
            at = token.1;
            // A repeated name is an error.
            let known = &mut self.tokens[row + field];
            if known.what != What::Absent {
                return None;
            }
            *known = token.0;
            at = after_blanks(line, at);
            match line.get(at)? {
                b',' => at = after_blanks(line, at + 1),
                b'}' => break,
                _ => return None,
            }
        }
        (after_blanks(line, at + 1) == end).then_some(())
    }

    /// A value, and its end.
    fn value(&mut self, block: &[u8], start: usize, end: usize) -> Option<(Token, usize)> {
        let line = &block[..end];
        let token = |what, start: usize, end: usize| {
            Some(Token { what, start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
        };
        let word = |word: &[u8], what| {
            let end = start + word.len();
            line[start..].starts_with(word).then_some((token(what, start, start)?, end))
        };
        match line.get(start)? {
            b'"' => {
                let (end, escaped) = after_string(line, start)?;
                if !escaped {
                    return Some((token(What::Text, start + 1, end - 1)?, end));
                }
                let text: String = serde_json::from_slice(&line[start..end]).ok()?;
                let first = block.len() + self.unescaped.len();
                self.unescaped.extend_from_slice(text.as_bytes());
                Some((token(What::Text, first, first + text.len())?, end))
            }
            b'n' => word(b"null", What::Null),
            b't' => word(b"true", What::True),
            b'f' => word(b"false", What::False),
            b'{' | b'[' => {
                let end = after_nested(line, start)?;
                Some((token(What::Nested, start, end)?, end))
            }
            _ => {
                let end = after_number(line, start)?;
                Some((token(What::Number, start, end)?, end))
            }
        }
    }
}

fn after_blanks(line: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = line.get(at) {
        at += 1;
    }
    at
}

fn after(line: &[u8], at: usize, byte: u8) -> Option<usize> {
    (line.get(at) == Some(&byte)).then_some(at + 1)
}

/// A field's name, and the end of its quotes.
fn name(line: &[u8], start: usize) -> Option<(Cow<'_, str>, usize)> {
    let (end, escaped) = after_string(line, start)?;
    let name = if escaped {
        Cow::Owned(serde_json::from_slice(&line[start..end]).ok()?)
    } else {
        Cow::Borrowed(std::str::from_utf8(&line[start + 1..end - 1]).ok()?)
    };
    Some((name, end))
}

/// The end of a text's quotes, and whether it has escapes.
fn after_string(line: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut at = after(line, start, b'"')?;
    let mut escaped = false;
    loop {
        match line.get(at)? {
            b'"' => return Some((at + 1, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}

/// The end of a list or an object, by its brackets.
fn after_nested(line: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut open) = (start, 0_usize);
    loop {
        match line.get(at)? {
            b'"' => {
                at = after_string(line, at)?.0;
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Some(at);
        }
    }
}

/// The end of a number.
fn after_number(line: &[u8], start: usize) -> Option<usize> {
    let digits = |at: usize| at + line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let some_digits = |at: usize| Some(digits(at)).filter(|end| *end > at);
    let first = start + usize::from(line.get(start) == Some(&b'-'));
    let mut at = if line.get(first) == Some(&b'0') { first + 1 } else { some_digits(first)? };
    if line.get(at) == Some(&b'.') {
        at = some_digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = line.get(at) {
        at += 1;
        at += usize::from(matches!(line.get(at), Some(b'-' | b'+')));
        at = some_digits(at.min(line.len()))?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Option<Vec<String>> {
        let mut block = text.as_bytes().to_vec();
        let names = ["a", "b", "ü\""].map(str::to_owned);
        let tokens = Tokens::of(&mut block, &names)?;
        let show = |field: usize, row: usize| format!("{:?}", tokens.column(field, row..row + 1).next().unwrap());
        Some((0..tokens.rows()).map(|row| (0..3).map(|field| show(field, row) + " ").collect()).collect())
    }

    #[test]
    fn values_are_where_they_are() {
        let found = rows(concat!(
            "{\"a\":1,\"b\":\"x\"}\r\n\n",
            " { \"\\u00fc\\\"\" : [1, {\"]\":\"}\"}] , \"a\" : -0.5e+7 }\n",
            "{}\n{\"b\":true,\"a\":null,\"ü\\\"\":\"\\n\\ud83d\\ude00\"}"
        ));
        let expected = [
            "Ok(Number(\"1\")) Ok(Text(\"x\")) Ok(Null) ",
            "Ok(Number(\"-0.5e+7\")) Ok(Null) Ok(List([Number(\"1\"), Object([(\"]\", Text(\"}\"))])])) ",
            "Ok(Null) Ok(Null) Ok(Null) ",
            "Ok(Null) Ok(Boolean(true)) Ok(Text(\"\\n😀\")) ",
        ];
        assert_eq!(found.unwrap(), expected);
    }

    /// The JSON reader accepts every line in which values are found.
    #[test]
    fn what_is_not_in_order_has_none() {
        let lines = [
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":+1}",
            "{\"a\":1e}",
            "{\"a\":-}",
            "{\"a\":1}x",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":1",
            "{\"a\":\"x}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":nul}",
            "{\"a\":truex}",
            "{\"a\":[1}",
            "[1]",
            "1",
            "{\"a\":1,\"a\":2}",
            "{\"c\":1}",
            "{\"a\":1}{\"a\":1}",
            "{\"a\":",
            "{",
            "{\"a\":1e+",
            "{\"a\":--1}",
            "\u{a0}{\"a\":1}",
            "{\"\\",
        ];
        for line in lines {
            assert_eq!(rows(line), None, "{line}");
        }
    }
}
