//! Cells in a form set by the user: with another decimal mark, other words for true and false, and dates and times by a
//! format. A format that does not show all of a value is an error of that value.

use super::{Reason, Written, WrittenColumn};
use crate::days::Dates;
use crate::time::Instant;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How cells are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CellStyle {
    /// The mark before decimals.
    pub(crate) decimal: u8,
    /// The words for false and true, if other than these.
    pub(crate) words: Option<[String; 2]>,
    /// The format of dates, if not ISO 8601.
    pub(crate) dates: Option<String>,
    /// The format of dates with a time of day, if not ISO 8601.
    pub(crate) times: Option<String>,
}

/// The content of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Numbers, dates, times, true and false.
    Value,
    /// Text, and values without another form that are written as text.
    Text,
}

impl Content {
    pub(crate) fn of(data_type: &DataType) -> Self {
        let is_value = data_type.is_numeric()
            || matches!(
                data_type,
                DataType::Boolean
                    | DataType::Null
                    | DataType::Date32
                    | DataType::Date64
                    | DataType::Time32(_)
                    | DataType::Time64(_)
                    | DataType::Timestamp(..)
            );
        if is_value { Self::Value } else { Self::Text }
    }
}

impl CellStyle {
    /// How the values of a column are written.
    pub(super) fn written<'a>(
        &self,
        array: &'a ArrayRef,
        field: &Field,
    ) -> Option<Result<Box<dyn Written + 'a>, Reason>> {
        let (dates, times) = (self.dates.as_ref(), self.times.as_ref());
        match array.data_type() {
            DataType::Boolean => {
                let (values, words) = (array.as_boolean(), self.words.clone()?);
                Some(Ok(Box::new(Values(move |row: usize, out: &mut Vec<u8>| {
                    out.extend_from_slice(words[usize::from(values.value(row))].as_bytes());
                    Ok(())
                }))))
            }
            data_type if self.decimal != b'.' && (data_type.is_floating() || is_decimal(data_type)) => {
                let decimal = self.decimal;
                let plain = super::scalar::written(array, field, super::Form::Cell);
                Some(plain.map(|plain| {
                    Box::new(Values(move |row: usize, out: &mut Vec<u8>| {
                        let start = out.len();
                        plain.write(row, out)?;
                        out[start..].iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = decimal);
                        Ok(())
                    })) as Box<dyn Written + 'a>
                }))
            }
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
                let plain = super::scalar::written(array, field, super::Form::Cell);
                let formats = [dates, times].map(|format| format.map(|format| Pattern::new(format)));
                if formats.iter().all(Option::is_none) {
                    return None;
                }
                let instant = instants(array)?;
                let is_date = matches!(array.data_type(), DataType::Date32 | DataType::Date64);
                Some(plain.map(|plain| {
                    Box::new(Values(move |row: usize, out: &mut Vec<u8>| {
                        let instant = instant(row);
                        let is_day = is_date && instant.nanos == 0 && instant.seconds.rem_euclid(DAY) == 0;
                        match &formats[usize::from(!is_day)] {
                            Some(pattern) => pattern.write(instant, is_day, out),
                            None => plain.write(row, out),
                        }
                    })) as Box<dyn Written + 'a>
                }))
            }
            _ => None,
        }
    }
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}

struct Values<F>(F);

impl<F: Fn(usize, &mut Vec<u8>) -> Result<(), Reason>> Written for Values<F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        (self.0)(row, out)
    }
}

/// The dates and times of a column, by their rows.
pub(crate) fn instants<'a>(array: &'a ArrayRef) -> Option<Box<dyn Fn(usize) -> Instant + 'a>> {
    let of = |number: i64, per_second: i64, zoned: bool| Instant {
        seconds: number.div_euclid(per_second),
        nanos: u32::try_from(number.rem_euclid(per_second) * (1_000_000_000 / per_second)).unwrap_or_default(),
        zoned,
    };
    Some(match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Box::new(move |row| Instant { seconds: i64::from(days.value(row)) * DAY, nanos: 0, zoned: false })
        }
        DataType::Date64 => {
            let values = array.as_primitive::<Date64Type>();
            Box::new(move |row| of(values.value(row), 1_000, false))
        }
        DataType::Timestamp(unit, zone) => {
            let (zoned, parts) = (zone.is_some(), super::duration::per_second(*unit));
            match unit {
                TimeUnit::Second => {
                    let values = array.as_primitive::<TimestampSecondType>();
                    Box::new(move |row| of(values.value(row), parts, zoned))
                }
                TimeUnit::Millisecond => {
                    let values = array.as_primitive::<TimestampMillisecondType>();
                    Box::new(move |row| of(values.value(row), parts, zoned))
                }
                TimeUnit::Microsecond => {
                    let values = array.as_primitive::<TimestampMicrosecondType>();
                    Box::new(move |row| of(values.value(row), parts, zoned))
                }
                TimeUnit::Nanosecond => {
                    let values = array.as_primitive::<TimestampNanosecondType>();
                    Box::new(move |row| of(values.value(row), parts, zoned))
                }
            }
        }
        _ => return None,
    })
}

/// A format of dates or times.
struct Pattern {
    items: Vec<Item<'static>>,
    format: String,
    /// The form in which its output is read back.
    read: Dates,
    text: std::cell::RefCell<String>,
}

impl Pattern {
    fn new(format: &str) -> Self {
        let items = StrftimeItems::new(format).map(Item::to_owned).collect();
        Self { items, format: format.to_owned(), read: Dates::Format(format.to_owned()), text: Default::default() }
    }

    fn write(&self, instant: Instant, is_day: bool, out: &mut Vec<u8>) -> Result<(), Reason> {
        let mut text = self.text.borrow_mut();
        text.clear();
        let time = DateTime::<Utc>::from_timestamp(instant.seconds, instant.nanos)
            .ok_or("it is a date or time that is too far away to be written as text")?;
        let items = self.items.iter();
        let written = match (is_day, instant.zoned) {
            (true, _) => write!(text, "{}", time.date_naive().format_with_items(items)),
            (_, true) => write!(text, "{}", time.format_with_items(items)),
            (_, false) => write!(text, "{}", time.naive_utc().format_with_items(items)),
        };
        let read = match is_day {
            _ if written.is_err() => None,
            true => {
                self.read.date(&text).map(|days| Instant { seconds: i64::from(days) * DAY, nanos: 0, zoned: false })
            }
            false => self.read.timestamp(&text),
        };
        if read != Some(instant) {
            return Err(self.unlike(instant, time));
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// The error of a format that does not show all of a value.
    fn unlike(&self, instant: Instant, time: DateTime<Utc>) -> Reason {
        let value = time.naive_utc();
        let remedy = match (instant.zoned, self.format.contains("%z") || self.format.contains("%:z")) {
            (true, false) => "it has a zone, which `%z` shows",
            (false, true) => "it has no zone, and `%z` shows one",
            _ => "`%Y` shows the full year, `%H:%M:%S` the time to the second, `%.f` fractions of a second",
        };
        format!("`{value}` cannot be read back from the format `{}`: {remedy}", self.format)
    }
}

impl<'a> WrittenColumn<'a> {
    /// A column of cells.
    ///
    /// # Errors
    /// If values of the type have no text.
    pub(crate) fn styled(array: &'a ArrayRef, field: &Field, style: &CellStyle) -> Result<Self, Reason> {
        match style.written(array, field) {
            Some(values) => {
                Ok(Self { nulls: array.logical_nulls().filter(|nulls| nulls.null_count() > 0), values: values? })
            }
            None => Self::new(array, field, super::Form::Cell),
        }
    }
}
