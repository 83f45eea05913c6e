//! What a column holds, whatever the width, unit or encoding of its type: the words that people have for types, and what a
//! column must be that is declared as one of them.

use super::option_values::ColumnType;
use arrow_schema::{DataType, Schema, SchemaRef};
use std::fmt;
use std::sync::Arc;

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
    /// A time of some day.
    TimeOfDay,
    /// A length of time.
    Span,
    /// Bytes.
    Binary,
    /// Lists of values.
    List,
    /// Values of several fields.
    Structure,
    /// Any other type of Arrow's.
    Other,
}

impl ColumnKind {
    /// The kind of a type.
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::RunEndEncoded(_, values) => Self::of(values.data_type()),
            DataType::Null => Self::Nothing,
            DataType::Boolean => Self::Boolean,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(_, None) => Self::Naive,
            DataType::Timestamp(_, Some(_)) => Self::Zoned,
            DataType::Time32(_) | DataType::Time64(_) => Self::TimeOfDay,
            DataType::Duration(_) | DataType::Interval(_) => Self::Span,
            DataType::Struct(_) | DataType::Map(..) => Self::Structure,
            other if other.is_integer() => Self::Integer,
            other if other.is_floating() || other.is_decimal() => Self::Decimal,
            other if other.is_nested() => Self::List,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Binary
            }
            _ => Self::Other,
        }
    }

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
    /// Whether a column of this kind is what was asked for. A whole number is a number; a column without a value is
    /// anything.
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

/// Columns of which some have no value, and so no type: what is written as text for want of one is anything.
pub(super) fn without_type(schema: &Schema, has_none: impl Fn(usize) -> bool) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(index, field)| match has_none(index) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Null)),
        false => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A type in the words of people, and Arrow's name of it.
pub fn in_words(data_type: &DataType) -> String {
    format!("{} ({data_type})", ColumnKind::of(data_type))
}
