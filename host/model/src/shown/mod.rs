//! Text for terminals and pages. Names, messages, labels and values are untrusted: a text of these types contains no
//! character that a terminal obeys, and no line that untrusted text began. Only these types can be printed
//! (`printer.rs` of the command enforces it); a script's log is restricted to colours by `LogFilter` instead.

mod character;
mod filter;
mod json;
mod wrap;

pub use filter::LogFilter;
pub use json::escaped;

use character::{Appearance, is_line_end};
use std::fmt;
use std::ops::AddAssign;
use unicode_width::UnicodeWidthChar;

/// Columns of one text: a hundred lines of a wide terminal (200 columns). The rest is cut.
const COLUMNS_MAX: usize = 100 * 200;

/// Lines of one text: four screens of 50.
const LINES_MAX: usize = 200;

/// Marks above and below one letter: Vietnamese and Hebrew need three, and more overprint other lines.
const MARKS_MAX: usize = 4;

/// The indent of a line that belongs to the one above.
const INDENT: &str = "  ";

/// Whole lines, each begun by the host. Untrusted text in them cannot begin a line: the text after its line breaks is
/// indented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// One line of the host. It should begin with a word of the host, or be [indented](Self::indented).
    #[must_use]
    pub fn line(text: impl AsRef<str>) -> Self {
        let mut shown = Self::default();
        shown.push(text);
        shown
    }

    /// Adds a line of the host.
    pub fn push(&mut self, text: impl AsRef<str>) {
        for (number, line) in lines(text.as_ref()).iter().enumerate() {
            if number > 0 && !line.is_empty() {
                self.0.push_str(INDENT);
            }
            self.0.push_str(line);
            self.0.push('\n');
        }
    }

    /// The same lines, indented one level further.
    #[must_use]
    pub fn indented(self) -> Self {
        let indent = |line: &str| if line.is_empty() { "\n".into() } else { format!("{INDENT}{line}\n") };
        Self(self.0.lines().map(indent).collect())
    }

    /// The text, with a line end after each line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AddAssign for Shown {
    fn add_assign(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }
}

impl Extend<Self> for Shown {
    fn extend<All: IntoIterator<Item = Self>>(&mut self, all: All) {
        all.into_iter().for_each(|one| *self += one);
    }
}

impl FromIterator<Self> for Shown {
    fn from_iter<All: IntoIterator<Item = Self>>(all: All) -> Self {
        let mut shown = Self::default();
        shown.extend(all);
        shown
    }
}

/// Words within a line: a cell of a table, a bar's message. Line breaks and tabs become blanks; other characters that
/// cannot be shown are visibly replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// Makes words of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::cut(text, COLUMNS_MAX)
    }

    /// A message without its colours, cut in the same way.
    #[must_use]
    pub fn message(text: &str, columns: usize) -> Self {
        Self::cut(&without_colours(text), columns)
    }

    /// The part that fits into `columns` of a terminal; if that is not all, it ends with `…`.
    #[must_use]
    pub fn cut(text: &str, columns: usize) -> Self {
        // A fast path for most words.
        if text.len() <= columns && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Self(text.to_owned());
        }
        let mut line = String::new();
        let mut appearance = Appearance::default();
        // The position of the cut if the text is too long, which leaves room for the mark.
        let (mut taken, mut cut_at, mut marks) = (0, 0, 0);
        for character in text.chars() {
            let is_blank = character == '\t' || is_line_end(character);
            let shown = appearance.of(if is_blank { ' ' } else { character });
            let width = width(shown);
            marks = if width == 0 { marks + 1 } else { 0 };
            if marks > MARKS_MAX {
                continue;
            }
            taken += width;
            if taken > columns {
                line.truncate(cut_at);
                line.push('…');
                break;
            }
            line.push(shown);
            if taken < columns {
                cut_at = line.len();
            }
        }
        Self(line)
    }

    /// The columns that they take.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.chars().map(width).sum()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

fn width(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// A text split into lines, at any line end; the last one tells how much is left out.
fn lines(text: &str) -> Vec<String> {
    let text = &without_colours(text);
    let (mut lines, mut left) = (Vec::new(), COLUMNS_MAX);
    let mut rest = Some(text.trim_end_matches(is_line_end));
    while let Some(text) = rest {
        if lines.len() == LINES_MAX || left == 0 {
            lines.push(format!("… and {} more bytes", text.len()));
            break;
        }
        let (line, after) = first_line(text);
        let word = Word::cut(line, left);
        left -= word.width();
        lines.push(word.into());
        rest = after;
    }
    lines
}

fn first_line(text: &str) -> (&str, Option<&str>) {
    let Some((line, rest)) = text.split_once(is_line_end) else { return (text, None) };
    let ends_in_two = text[line.len()..].starts_with("\r\n");
    (line, Some(if ends_in_two { &rest[1..] } else { rest }))
}

/// A text of any number of lines for a page: without its colours, and with other characters that are not shown replaced.
/// Line ends and tabs stay.
#[must_use]
pub fn visible(text: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let (mut appearance, mut marks) = (Appearance::default(), 0);
    let mut visible = String::with_capacity(text.len());
    for character in without_colours(text).chars() {
        let shown = if matches!(character, '\n' | '\t') { character } else { appearance.of(character) };
        marks = if width(shown) == 0 && !matches!(shown, '\n' | '\t') { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            visible.push(shown);
        }
    }
    visible
}

fn without_colours(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = character::colour(rest).unwrap_or_else(|| {
            plain.push('\u{1b}');
            1
        });
        rest = &rest[length..];
    }
    plain + rest
}

#[cfg(test)]
mod tests;
