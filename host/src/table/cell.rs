//! What the text of one cell can be read as, and what a column of such cells is. A column is of the narrowest type
//! that every one of its cells fits, over the whole file.

use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_cast::parse::Parser;
use arrow_schema::{DataType, TimeUnit};

/// Spellings of a missing value in columns that are not text. In a text column only the empty cell is missing.
const MISSING: [&str; 6] = ["", "NA", "N/A", "NULL", "null", "NaN"];

/// What the cells seen so far have in common.
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
    Naive,
    /// Date and time with a zone or offset.
    Zoned,
    Text,
}

impl Kind {
    /// What a column is that was `self` before this cell.
    pub(crate) fn with(self, cell: &str) -> Self {
        if self == Self::Text || is_missing(cell) {
            return self;
        }
        // The likeliest first: a column usually goes on as it began.
        if self != Self::Nothing && self.reads(cell) {
            return self;
        }
        let kinds = [Self::Boolean, Self::Integer, Self::Decimal, Self::Date, Self::Naive, Self::Zoned];
        let cell = kinds.into_iter().find(|kind| kind.reads(cell)).unwrap_or(Self::Text);
        match (self, cell) {
            (Self::Nothing, cell) => cell,
            (Self::Integer, Self::Decimal) | (Self::Decimal, Self::Integer) => Self::Decimal,
            (Self::Date, Self::Naive) | (Self::Naive, Self::Date) => Self::Naive,
            (before, cell) if before == cell => cell,
            _ => Self::Text,
        }
    }

    /// One value of it, in words.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Nothing | Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Integer => "whole number",
            Self::Decimal => "number",
            Self::Date => "date",
            Self::Naive => "date and time",
            Self::Zoned => "date and time with a zone",
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
            Self::Naive => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Zoned => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    fn reads(self, cell: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Boolean => boolean(cell).is_some(),
            Self::Integer => integer(cell).is_some(),
            Self::Decimal => decimal(cell).is_some(),
            Self::Date => date(cell).is_some(),
            Self::Naive => !has_zone(cell) && (date(cell).is_some() || timestamp(cell).is_some()),
            Self::Zoned => has_zone(cell) && timestamp(cell).is_some(),
            Self::Text => true,
        }
    }
}

/// Whether a cell says that it has no value, in a column that is not text.
pub(crate) fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell)
}

pub(crate) fn boolean(cell: &str) -> Option<bool> {
    if cell.eq_ignore_ascii_case("true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// An integer. `007` is none: leading zeros are part of a code.
pub(crate) fn integer(cell: &str) -> Option<i64> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    if plain { cell.parse().ok() } else { None }
}

/// A decimal number, also with an exponent, and the infinities. Long runs of digits are none: they are codes, and
/// would lose their last digits.
pub(crate) fn decimal(cell: &str) -> Option<f64> {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
        return cell.parse().ok();
    }
    let code = digits.len() > 1 && digits.starts_with('0') && !digits[1..].starts_with(['.', 'e', 'E']);
    let numeric = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'));
    let long = digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if numeric && !code && !long && digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        cell.parse().ok()
    } else {
        None
    }
}

/// A date such as `2024-01-31`, in days since 1970.
pub(crate) fn date(cell: &str) -> Option<i32> {
    if is_date_shaped(cell) && cell.len() == 10 { Date32Type::parse(cell) } else { None }
}

/// A date and time such as `2024-01-31T12:30:00.5Z` or `2024-01-31 12:30`, or a date, in microseconds since 1970.
pub(crate) fn timestamp(cell: &str) -> Option<i64> {
    if let Some(days) = date(cell) {
        return Some(i64::from(days) * 86_400_000_000);
    }
    let time = is_date_shaped(cell) && cell.len() >= 16 && matches!(cell.as_bytes()[10], b'T' | b' ');
    if time { TimestampMicrosecondType::parse(cell) } else { None }
}

fn has_zone(cell: &str) -> bool {
    cell.len() > 16 && (cell.ends_with('Z') || cell.as_bytes()[16..].iter().any(|byte| matches!(byte, b'+' | b'-')))
}

fn is_date_shaped(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> Kind {
        cells.iter().fold(Kind::Nothing, |kind, cell| kind.with(cell))
    }

    #[test]
    fn columns_are_of_the_narrowest_type_that_fits() {
        assert_eq!(kind(&["", "NA"]), Kind::Nothing);
        assert_eq!(kind(&["1", "", "-20"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.5", "1e3", "NA"]), Kind::Decimal);
        assert_eq!(kind(&["2.5", "1"]), Kind::Decimal);
        assert_eq!(kind(&["true", "FALSE", ""]), Kind::Boolean);
        assert_eq!(kind(&["true", "1"]), Kind::Text);
        assert_eq!(kind(&["007", "008"]), Kind::Text);
        assert_eq!(kind(&["0", "0.5"]), Kind::Decimal);
        assert_eq!(kind(&["12345678901234567890"]), Kind::Text);
        assert_eq!(kind(&["2024-01-31", ""]), Kind::Date);
        assert_eq!(kind(&["2024-01-31", "2024-01-31T12:30:00"]), Kind::Naive);
        assert_eq!(kind(&["2024-01-31 12:30:00.25", "2024-02-01"]), Kind::Naive);
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31T12:30:00+02:00"]), Kind::Zoned);
        assert_eq!(kind(&["2024-01-31T12:30:00Z", "2024-01-31T12:30:00"]), Kind::Text);
        assert_eq!(kind(&["2024-13-31"]), Kind::Text);
        assert_eq!(kind(&["1-2"]), Kind::Text);
    }

    #[test]
    fn cells_have_the_values_that_they_show() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(timestamp("1970-01-01T00:00:01.5"), Some(1_500_000));
        assert_eq!(timestamp("1970-01-01 02:00:00+02:00"), Some(0));
        assert_eq!(timestamp("1970-01-02"), Some(86_400_000_000));
        assert_eq!(decimal("-inf"), Some(f64::NEG_INFINITY));
    }
}
