//! The kinds of text columns, and the words for values in their cells. `seen.rs` finds the kind of a column.

use arrow_schema::{DataType, TimeUnit};
use longshore_model::table::is_missing;

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// No cell has had a value.
    #[default]
    Nothing,
    Boolean,
    Integer,
    Decimal,
    Date,
    /// Date and time without a zone.
    Naive(Unit),
    /// Date and time with a zone or offset.
    Zoned(Unit),
    Text,
}

/// The unit of a column of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Micros,
    Nanos,
}

impl Kind {
    /// A noun for one value.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Nothing | Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Integer => "whole number",
            Self::Decimal => "number",
            Self::Date => "date",
            Self::Naive(_) => "date and time",
            Self::Zoned(_) => "date and time with a zone",
        }
    }

    /// The column's type.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Nothing | Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Decimal => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Naive(unit) => DataType::Timestamp(unit.of_arrow(), None),
            Self::Zoned(unit) => DataType::Timestamp(unit.of_arrow(), Some("UTC".into())),
        }
    }
}

impl Unit {
    fn of_arrow(self) -> TimeUnit {
        match self {
            Self::Micros => TimeUnit::Microsecond,
            Self::Nanos => TimeUnit::Nanosecond,
        }
    }
}

/// The user's words for missing values, true and false.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Words {
    pub(crate) missing: Vec<String>,
    pub(crate) yes: Vec<String>,
    pub(crate) no: Vec<String>,
}

impl Words {
    /// Whether a cell is a missing value, in a column that is not text.
    pub(crate) fn is_missing(&self, cell: &str) -> bool {
        is_missing(cell) || self.is_given(cell)
    }

    /// Whether a cell is a missing value, in any column, by the user's options.
    pub(crate) fn is_given(&self, cell: &str) -> bool {
        !self.missing.is_empty() && self.missing.iter().any(|word| word == cell)
    }

    pub(crate) fn boolean(&self, cell: &str) -> Option<bool> {
        if self.yes.is_empty() && self.no.is_empty() {
            return boolean(cell);
        }
        match (self.yes.iter().any(|word| word == cell), self.no.iter().any(|word| word == cell)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => boolean(cell),
        }
    }
}

/// A cell without the blanks around it.
pub(crate) fn trimmed(cell: &str) -> &str {
    match cell.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => cell.trim_matches([' ', '\t']),
        _ => cell,
    }
}

/// `true` and `false` in any case.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}
