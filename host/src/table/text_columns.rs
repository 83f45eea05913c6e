//! Columns out of text cells, by the kinds found in a first pass over the file.

use super::cell::{Kind, Unit, boolean, is_missing};
use super::number::{decimal, integer, is_exact_double};
use super::time::{Instant, date, timestamp};
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampNanosecondBuilder,
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
    Micros(TimestampMicrosecondBuilder, Zone),
    Nanos(TimestampNanosecondBuilder, Zone),
}

/// Whether a column's times have zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Naive,
    Zoned,
}

impl Column {
    pub(crate) fn new(kind: Kind) -> Self {
        let times = |unit, zone| match unit {
            Unit::Micros => Self::Micros(TimestampMicrosecondBuilder::new().with_data_type(kind.data_type()), zone),
            Unit::Nanos => Self::Nanos(TimestampNanosecondBuilder::new().with_data_type(kind.data_type()), zone),
        };
        match kind {
            Kind::Nothing | Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Decimal => Self::Decimal(Float64Builder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Naive(unit) => times(unit, Zone::Naive),
            Kind::Zoned(unit) => times(unit, Zone::Zoned),
        }
    }

    /// Adds a cell. In a column of text an empty cell is missing, unless it was quoted. Returns `false` when the cell
    /// does not fit: it was not seen when the column got its kind.
    pub(crate) fn push(&mut self, cell: &str, quoted: bool) -> bool {
        if let Self::Text(builder) = self {
            builder.append_option((quoted || !cell.is_empty()).then_some(cell));
            return true;
        }
        let missing = is_missing(cell);
        match self {
            Self::Text(_) => true,
            Self::Boolean(builder) => push(missing, boolean(cell), |value| builder.append_option(value)),
            Self::Integer(builder) => push(missing, integer(cell), |value| builder.append_option(value)),
            Self::Decimal(builder) => {
                // A column of decimals may have whole numbers, as long as none of them is rounded.
                let rounded = integer(cell).is_some_and(|number| !is_exact_double(number));
                push(missing, decimal(cell).filter(|_| !rounded), |value| builder.append_option(value))
            }
            Self::Date(builder) => push(missing, date(cell), |value| builder.append_option(value)),
            Self::Micros(builder, zone) => {
                let value = instant(cell, *zone).and_then(Instant::micros);
                push(missing, value, |value| builder.append_option(value))
            }
            Self::Nanos(builder, zone) => {
                let value = instant(cell, *zone).and_then(Instant::nanos);
                push(missing, value, |value| builder.append_option(value))
            }
        }
    }

    /// Adds a missing value.
    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Micros(builder, _) => builder.append_null(),
            Self::Nanos(builder, _) => builder.append_null(),
        }
    }

    /// Adds a number that is one already, to a column of decimals.
    pub(crate) fn push_number(&mut self, number: f64) -> bool {
        let Self::Decimal(builder) = self else { return false };
        builder.append_value(number);
        true
    }

    /// The column, ready; the builder starts anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Micros(builder, _) => Arc::new(builder.finish()),
            Self::Nanos(builder, _) => Arc::new(builder.finish()),
        }
    }
}

/// A time, or a date among times without zones.
fn instant(cell: &str, zone: Zone) -> Option<Instant> {
    if let (Zone::Naive, Some(days)) = (zone, date(cell)) {
        return Some(Instant { seconds: i64::from(days) * 86_400, nanos: 0, zoned: false });
    }
    timestamp(cell).filter(|time| time.zoned == (zone == Zone::Zoned))
}

fn push<T>(missing: bool, value: Option<T>, append: impl FnOnce(Option<T>)) -> bool {
    if !missing && value.is_none() {
        return false;
    }
    append(value.filter(|_| !missing));
    true
}
