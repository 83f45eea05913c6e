//! Values of the options for reading and writing, and their notation.

use super::date_format::{Order, is_format};
use crate::hint::did_you_mean;
use serde::{Deserialize, Serialize};

/// The separator of cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Delimiter {
    /// One byte.
    Byte(u8),
    /// Several bytes.
    Text(String),
    /// Any number of blanks and tabs.
    Blanks,
}

impl Delimiter {
    /// The text between two cells.
    pub fn text(&self) -> String {
        match self {
            Self::Byte(byte) => char::from(*byte).into(),
            Self::Text(text) => text.clone(),
            Self::Blanks => " ".into(),
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match (text.as_str(), text.as_bytes()) {
            ("tab" | "\\t", _) => Ok(Self::Byte(b'\t')),
            ("space", _) => Ok(Self::Byte(b' ')),
            ("comma", _) => Ok(Self::Byte(b',')),
            ("semicolon", _) => Ok(Self::Byte(b';')),
            ("blanks", _) => Ok(Self::Blanks),
            ("", _) => {
                Err("a delimiter is one or more characters, or one of the words `tab`, `space` and `blanks`".into())
            }
            (_, bytes) if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r' | b'"')) => {
                Err("a delimiter cannot contain a quote or a line end".into())
            }
            (_, [byte]) => Ok(Self::Byte(*byte)),
            _ => Ok(Self::Text(text)),
        }
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::Byte(b'\t') => "tab".into(),
            Delimiter::Byte(b' ') => "space".into(),
            Delimiter::Byte(byte) => char::from(byte).into(),
            Delimiter::Text(text) => text,
            Delimiter::Blanks => "blanks".into(),
        }
    }
}

/// A quote, escape or other mark: one ASCII character, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark(pub Option<u8>);

impl TryFrom<String> for Mark {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_bytes() {
            b"none" => Ok(Self(None)),
            b"space" => Ok(Self(Some(b' '))),
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'\n' | b'\r') => {
                Ok(Self(Some(*byte)))
            }
            _ => Err(format!("`{text}` is neither one character nor the word `none`")),
        }
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        match mark.0 {
            None => "none".into(),
            Some(b' ') => "space".into(),
            Some(byte) => char::from(byte).into(),
        }
    }
}

/// The treatment of rows that have fewer or more cells than the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// They are an error.
    #[default]
    Error,
    /// Missing cells are empty; more cells are an error.
    Fill,
    /// Missing cells are empty, and extra cells are dropped.
    Cut,
    /// Such rows are dropped.
    Skip,
}

impl Ragged {
    /// All values.
    const ALL: [Self; 4] = [Self::Error, Self::Fill, Self::Cut, Self::Skip];

    /// Its name as an option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Fill => "fill",
            Self::Cut => "cut",
            Self::Skip => "skip",
        }
    }
}

impl TryFrom<&str> for Ragged {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|ragged| ragged.name() == text);
        found.ok_or_else(|| format!("`{text}` is not one of error, fill, cut and skip"))
    }
}

/// The treatment of quotes inside a cell that are not doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stray {
    /// They are an error.
    #[default]
    Error,
    /// They are part of the cell's text.
    Text,
}

impl Stray {
    /// Its name as an option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Text => "text",
        }
    }
}

impl TryFrom<&str> for Stray {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        match text {
            "error" => Ok(Self::Error),
            "text" => Ok(Self::Text),
            _ => Err(format!("`{text}` is neither error nor text")),
        }
    }
}

/// How many of the first rows contain the names of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "HeaderForm", into = "HeaderForm")]
pub struct HeaderLines(pub u64);

/// Its form in files.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderForm {
    Is(bool),
    Lines(u64),
}

impl From<HeaderForm> for HeaderLines {
    fn from(form: HeaderForm) -> Self {
        match form {
            HeaderForm::Is(is) => Self(u64::from(is)),
            HeaderForm::Lines(lines) => Self(lines),
        }
    }
}

impl From<HeaderLines> for HeaderForm {
    fn from(header: HeaderLines) -> Self {
        match header.0 {
            0 => Self::Is(false),
            1 => Self::Is(true),
            lines => Self::Lines(lines),
        }
    }
}

impl TryFrom<&str> for HeaderLines {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let lines = yes_or_no(text).map(u64::from).or_else(|_| text.parse());
        let lines = lines.ok().filter(|lines| *lines <= HEADER_LINES_MAX).map(Self);
        lines.ok_or_else(|| format!("`{text}` is neither yes, no nor a number of rows up to {HEADER_LINES_MAX}"))
    }
}

/// The most rows of names.
const HEADER_LINES_MAX: u64 = 100;

impl From<HeaderLines> for String {
    fn from(header: HeaderLines) -> Self {
        match header.0 {
            0 => "no".into(),
            1 => "yes".into(),
            lines => lines.to_string(),
        }
    }
}

/// Parses yes or no.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "none" | "false" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

/// The declared type of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ColumnType {
    /// Text, whatever it looks like.
    Text,
    /// Whole numbers of 64 bits.
    Integer,
    /// Doubles.
    Number,
    /// True or false.
    Boolean,
    /// Dates, in the given format.
    Date(Option<String>),
    /// Dates and times, in the given format.
    Time(Option<String>),
}

impl ColumnType {
    /// The types, by their names.
    pub const NAMES: [&'static str; 6] = ["text", "integer", "number", "boolean", "date", "time"];

    /// Its name, without a format.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
        }
    }
}

impl TryFrom<String> for ColumnType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, format) = match text.split_once(':') {
            Some((name, format)) => (name, Some(format)),
            None => (text.as_str(), None),
        };
        if let Some(format) = format.filter(|format| !is_format(format)) {
            return Err(format!("`{format}` is not a valid date format: use strftime's letters, as in `%d.%m.%Y`"));
        }
        let format = format.map(str::to_owned);
        match (name, &format) {
            ("text", None) => Ok(Self::Text),
            ("integer", None) => Ok(Self::Integer),
            ("number", None) => Ok(Self::Number),
            ("boolean", None) => Ok(Self::Boolean),
            ("date", _) => Ok(Self::Date(format)),
            ("time", _) => Ok(Self::Time(format)),
            _ => Err(format!(
                "`{text}` is not a valid column type: use text, integer, number, boolean, date or time; a date's and \
                 a time's format may follow, as in `date:%d.%m.%Y`{}",
                did_you_mean(name, Self::NAMES)
            )),
        }
    }
}

impl From<ColumnType> for String {
    fn from(column: ColumnType) -> Self {
        match &column {
            ColumnType::Date(Some(format)) | ColumnType::Time(Some(format)) => format!("{}:{format}", column.name()),
            _ => column.name().to_owned(),
        }
    }
}

/// How dates that are not in ISO 8601 are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DateStyle {
    /// Day, month and year in an order: `dmy`, `mdy` or `ymd`.
    Order(OrderName),
    /// A strftime format.
    Format(String),
}

/// An order by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderName(pub Order);

impl TryFrom<String> for DateStyle {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Order::ALL.into_iter().find(|order| order.name() == text) {
            Some(order) => Ok(Self::Order(OrderName(order))),
            None if is_format(&text) => Ok(Self::Format(text)),
            None => {
                Err(format!("`{text}` is not a valid date style: use dmy, mdy, ymd, or a format such as `%d.%m.%Y`"))
            }
        }
    }
}

impl From<DateStyle> for String {
    fn from(style: DateStyle) -> Self {
        match style {
            DateStyle::Order(OrderName(order)) => order.name().into(),
            DateStyle::Format(format) => format,
        }
    }
}

/// How dates with a time of day are written: a strftime format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeFormat(pub String);

impl TryFrom<String> for TimeFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_format(&text) {
            return Ok(Self(text));
        }
        Err(format!("`{text}` is not a valid time format: use strftime's letters, as in `%d.%m.%Y %H:%M:%S`"))
    }
}

impl From<TimeFormat> for String {
    fn from(format: TimeFormat) -> Self {
        format.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_said_or_counted() {
        let lines = |text: &str| HeaderLines::try_from(text).map(|lines| lines.0);
        assert_eq!((lines("no"), lines("yes"), lines("3")), (Ok(0), Ok(1), Ok(3)));
        assert!(lines("some").is_err() && lines("101").is_err() && lines("-1").is_err());
        for (header, json) in [(0, "false"), (1, "true"), (3, "3")] {
            assert_eq!(serde_json::to_string(&HeaderLines(header)).unwrap(), json);
            assert_eq!(serde_json::from_str::<HeaderLines>(json).unwrap(), HeaderLines(header));
        }
    }
}
