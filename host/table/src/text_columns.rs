//! Columns from text cells, by the kinds found in a first pass over the file.

use super::cell::{Kind, Unit, Words, trimmed};
use super::number::{is_exact_double, short_decimal, short_integer};
use super::time::{Instant, date, timestamp};
use super::verdict::Style;
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampNanosecondBuilder,
};
use std::sync::Arc;

/// A column being built.
#[derive(Debug)]
pub(crate) struct Column {
    values: Values,
    style: Style,
    words: Arc<Words>,
    /// Whether its values are machine-written, without words set by the user.
    plain: bool,
}

/// Days before and after 1970 that nanoseconds can count.
const DAYS_OF_NANOS: i32 = 106_750;

/// Its values.
#[derive(Debug)]
enum Values {
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
    /// A column of machine-written values.
    pub(crate) fn new(kind: Kind) -> Self {
        Self::written(kind, Style::default(), Arc::default())
    }

    /// A column of values in a style.
    pub(crate) fn written(kind: Kind, style: Style, words: Arc<Words>) -> Self {
        Self::sized(kind, style, words, 0, || 0)
    }

    /// A column with a capacity of `rows` machine-written values, and of `bytes` if they are text.
    pub(crate) fn of_size(kind: Kind, rows: usize, bytes: impl FnOnce() -> usize) -> Self {
        Self::sized(kind, Style::default(), Arc::default(), rows, bytes)
    }

    /// A column with a capacity of `rows` values in a style, and of `bytes` if they are text.
    pub(crate) fn sized(
        kind: Kind,
        style: Style,
        words: Arc<Words>,
        rows: usize,
        bytes: impl FnOnce() -> usize,
    ) -> Self {
        let micros = || TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(kind.data_type());
        let nanos = || TimestampNanosecondBuilder::with_capacity(rows).with_data_type(kind.data_type());
        let times = |unit, zone| match unit {
            Unit::Micros => Values::Micros(micros(), zone),
            Unit::Nanos => Values::Nanos(nanos(), zone),
        };
        let values = match kind {
            Kind::Nothing | Kind::Text => Values::Text(StringBuilder::with_capacity(rows, bytes())),
            Kind::Boolean => Values::Boolean(BooleanBuilder::with_capacity(rows)),
            Kind::Integer => Values::Integer(Int64Builder::with_capacity(rows)),
            Kind::Decimal => Values::Decimal(Float64Builder::with_capacity(rows)),
            Kind::Date => Values::Date(Date32Builder::with_capacity(rows)),
            Kind::Naive(unit) => times(unit, Zone::Naive),
            Kind::Zoned(unit) => times(unit, Zone::Zoned),
        };
        let plain = style == Style::default() && *words == Words::default();
        Self { values, style, words, plain }
    }

    /// Adds a cell that is short and plainly of the column's kind, as nearly all are, with the result of
    /// [`Column::push`]. Returns `false` if the cell must be examined more closely.
    pub(crate) fn push_plain(&mut self, cell: &str) -> bool {
        if !self.plain {
            return false;
        }
        if cell.is_empty() && !matches!(self.values, Values::Text(_)) {
            self.push_null();
            return true;
        }
        let in_nanos = |days: &i32| days.abs() < DAYS_OF_NANOS;
        match &mut self.values {
            Values::Integer(builder) => short_integer(cell.as_bytes()).map(|number| builder.append_value(number)),
            Values::Decimal(builder) => {
                let number = short_decimal(cell.as_bytes());
                let number = number.or_else(|| short_integer(cell.as_bytes()).map(|number| number as f64));
                number.map(|number| builder.append_value(number))
            }
            Values::Date(builder) => date(cell).filter(in_nanos).map(|days| builder.append_value(days)),
            Values::Micros(builder, Zone::Naive) => {
                let time = timestamp(cell).filter(|time| !time.zoned && time.nanos().is_some());
                time.and_then(Instant::micros).map(|micros| builder.append_value(micros))
            }
            _ => None,
        }
        .is_some()
    }

    /// Adds a cell. In a column of text an empty cell is missing, unless it was quoted. Returns `false` if the cell
    /// does not fit: it was not there when the kind was determined.
    pub(crate) fn push(&mut self, cell: &str, quoted: bool) -> bool {
        if let Values::Text(builder) = &mut self.values {
            let missing = cell.is_empty() && !quoted || self.words.is_given(cell);
            builder.append_option((!missing).then_some(cell));
            return true;
        }
        let cell = trimmed(cell);
        let missing = self.words.is_missing(cell);
        let marks = self.style.marks;
        match &mut self.values {
            Values::Text(_) => true,
            Values::Boolean(builder) => push(missing, self.words.boolean(cell), |value| builder.append_option(value)),
            Values::Integer(builder) => push(missing, marks.integer(cell), |value| builder.append_option(value)),
            Values::Decimal(builder) => {
                // A column of decimals may have whole numbers, as long as none of them is rounded.
                let rounded = marks.integer(cell).is_some_and(|number| !is_exact_double(number));
                push(missing, marks.decimal(cell).filter(|_| !rounded), |value| builder.append_option(value))
            }
            Values::Date(builder) => push(missing, self.style.dates.date(cell), |value| builder.append_option(value)),
            Values::Micros(builder, zone) => {
                let value = instant(&self.style, cell, *zone).and_then(Instant::micros);
                push(missing, value, |value| builder.append_option(value))
            }
            Values::Nanos(builder, zone) => {
                let value = instant(&self.style, cell, *zone).and_then(Instant::nanos);
                push(missing, value, |value| builder.append_option(value))
            }
        }
    }

    /// Adds a missing value.
    pub(crate) fn push_null(&mut self) {
        match &mut self.values {
            Values::Text(builder) => builder.append_null(),
            Values::Boolean(builder) => builder.append_null(),
            Values::Integer(builder) => builder.append_null(),
            Values::Decimal(builder) => builder.append_null(),
            Values::Date(builder) => builder.append_null(),
            Values::Micros(builder, _) => builder.append_null(),
            Values::Nanos(builder, _) => builder.append_null(),
        }
    }

    /// Adds a parsed number to a column of decimals.
    pub(crate) fn push_number(&mut self, number: f64) -> bool {
        let Values::Decimal(builder) = &mut self.values else { return false };
        builder.append_value(number);
        true
    }

    /// The finished column; the builder is empty again.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Text(builder) => Arc::new(builder.finish()),
            Values::Boolean(builder) => Arc::new(builder.finish()),
            Values::Integer(builder) => Arc::new(builder.finish()),
            Values::Decimal(builder) => Arc::new(builder.finish()),
            Values::Date(builder) => Arc::new(builder.finish()),
            Values::Micros(builder, _) => Arc::new(builder.finish()),
            Values::Nanos(builder, _) => Arc::new(builder.finish()),
        }
    }
}

/// A time, or a date among times without zones.
fn instant(style: &Style, cell: &str, zone: Zone) -> Option<Instant> {
    if let (Zone::Naive, Some(days)) = (zone, style.dates.date(cell)) {
        return Some(Instant { seconds: i64::from(days) * 86_400, nanos: 0, zoned: false });
    }
    style.dates.timestamp(cell).filter(|time| time.zoned == (zone == Zone::Zoned))
}

fn push<T>(missing: bool, value: Option<T>, append: impl FnOnce(Option<T>)) -> bool {
    if !missing && value.is_none() {
        return false;
    }
    append(value.filter(|_| !missing));
    true
}
