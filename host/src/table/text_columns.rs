//! Columns out of text cells, by the kinds found in a first pass over the file.

use super::cell::{Kind, boolean, date, decimal, integer, is_missing, timestamp};
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use std::sync::Arc;

/// A column being built.
#[derive(Debug)]
pub(crate) enum Column {
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Decimal(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Column {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Nothing | Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Decimal => Self::Decimal(Float64Builder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Naive | Kind::Zoned => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(kind.data_type()))
            }
        }
    }

    /// Adds a cell. Returns `false` when it does not fit: the file has changed since its first pass.
    pub(crate) fn push(&mut self, cell: &str) -> bool {
        if let Self::Text(builder) = self {
            builder.append_option((!cell.is_empty()).then_some(cell));
            return true;
        }
        let missing = is_missing(cell);
        match self {
            Self::Text(_) => true,
            Self::Boolean(builder) => push(missing, boolean(cell), |value| builder.append_option(value)),
            Self::Integer(builder) => push(missing, integer(cell), |value| builder.append_option(value)),
            Self::Decimal(builder) => push(missing, decimal(cell), |value| builder.append_option(value)),
            Self::Date(builder) => push(missing, date(cell), |value| builder.append_option(value)),
            Self::Timestamp(builder) => push(missing, timestamp(cell), |value| builder.append_option(value)),
        }
    }

    /// The column, ready; the builder starts anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
        }
    }
}

fn push<T>(missing: bool, value: Option<T>, append: impl FnOnce(Option<T>)) -> bool {
    if !missing && value.is_none() {
        return false;
    }
    append(value.filter(|_| !missing));
    true
}
