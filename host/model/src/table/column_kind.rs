//! What a column holds, regardless of its width, unit or encoding: names of types for users, and whether a column fits
//! a declared type.

use super::option_values::ColumnType;
use std::fmt;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// No value at all.
    Nothing,
    /// True and false.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction, binary or decimal.
    Decimal,
    /// Text.
    Text,
    /// Days.
    Date,
    /// Date and time without a zone.
    Naive,
    /// Date and time with a zone.
    Zoned,
    /// A time of day.
    TimeOfDay,
    /// A duration.
    Span,
    /// Bytes.
    Binary,
    /// Lists of values.
    List,
    /// Values of several fields.
    Structure,
    /// Any other Arrow type.
    Other,
}

/// A column of a table whose schema is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its type for display, with its name in the format: `integer (Int64)`.
    pub type_in_words: String,
}

impl ColumnKind {
    /// Whether it holds numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing but missing values",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Date => "date",
            Self::Naive => "date and time",
            Self::Zoned => "date and time with a zone",
            Self::TimeOfDay => "time of day",
            Self::Span => "time span",
            Self::Binary => "binary",
            Self::List => "list",
            Self::Structure => "structure",
            Self::Other => "of a rare type",
        })
    }
}

impl ColumnType {
    /// Whether a column of this kind fits a requested kind. A whole number is a number; a column without a value fits
    /// any.
    #[must_use]
    pub fn holds(&self, kind: ColumnKind) -> bool {
        if kind == ColumnKind::Nothing {
            return true;
        }
        match self {
            Self::Text => kind == ColumnKind::Text,
            Self::Integer => kind == ColumnKind::Integer,
            Self::Number => kind.is_number(),
            Self::Boolean => kind == ColumnKind::Boolean,
            Self::Date(_) => kind == ColumnKind::Date,
            Self::Time(_) => matches!(kind, ColumnKind::Naive | ColumnKind::Zoned),
        }
    }
}
