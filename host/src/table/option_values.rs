//! The values of the options of reading, and how they are written.

use super::days::{Order, is_format};
use crate::words::did_you_mean;
use serde::{Deserialize, Serialize};

/// What separates cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Delimiter {
    /// One byte.
    Byte(u8),
    /// Some bytes.
    Text(String),
    /// Blanks and tabs, as many as there are.
    Blanks,
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
                Err("a delimiter is a character or some, or one of the words `tab`, `space` and `blanks`".into())
            }
            (_, bytes) if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r' | b'"')) => {
                Err("neither quotes nor the ends of lines separate cells".into())
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

/// What is in the way of cells that have a delimiter in them: one character of ASCII, or `none`.
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
            _ => Err(format!("`{text}` is not one character, and not the word `none`")),
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

/// What happens to rows that have fewer or more cells than the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// They are an error.
    #[default]
    Error,
    /// What they lack is missing; more cells are an error.
    Fill,
    /// What they lack is missing, and what they have too much goes.
    Cut,
    /// They go.
    Skip,
}

/// What a column is to be.
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
    /// Dates, written as a format says.
    Date(Option<String>),
    /// Dates and times, written as a format says.
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
            return Err(format!("`{format}` is no format of dates: one is `%d.%m.%Y`, in the letters of strftime"));
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
                "`{text}` is no type of a column: there are text, integer, number, boolean, date and time; a date's and \
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

/// How dates are written that are not as ISO 8601 has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DateStyle {
    /// Day, month and year in an order: `dmy`, `mdy` or `ymd`.
    Order(OrderName),
    /// As a format says, in the letters of strftime.
    Format(String),
}

/// An order by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderName(pub(crate) Order);

impl TryFrom<String> for DateStyle {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Order::ALL.into_iter().find(|order| order.name() == text) {
            Some(order) => Ok(Self::Order(OrderName(order))),
            None if is_format(&text) => Ok(Self::Format(text)),
            None => {
                Err(format!("`{text}` is no way to write dates: there are dmy, mdy, ymd, and formats as `%d.%m.%Y`"))
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
