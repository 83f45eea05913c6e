//! Time spans in the form of ISO 8601: `PT1.5S`, `-PT90061S`, `P1M-2DT3.000000004S`. Durations have only seconds, so
//! that none is rounded to another unit; intervals keep their months, days and seconds separate.

use super::{Form, Reason, Written, in_quotes};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalYearMonthType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use std::io::Write as _;

/// Months, days, and a number of parts of a second, with the number of parts per second.
struct Span {
    months: i64,
    days: i64,
    parts: i64,
    per_second: i64,
}

struct Spans<F>(F, Form);

impl<F: Fn(usize) -> Span> Written for Spans<F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        in_quotes(self.1, out, |out| (self.0)(row).write(out));
        Ok(())
    }
}

pub(super) fn written<'a>(array: &'a ArrayRef, form: Form) -> Result<Box<dyn Written + 'a>, Reason> {
    let seconds = |parts, unit| Span { months: 0, days: 0, parts, per_second: per_second(unit) };
    Ok(match array.data_type() {
        DataType::Duration(unit @ TimeUnit::Second) => {
            let (values, unit) = (array.as_primitive::<DurationSecondType>(), *unit);
            Box::new(Spans(move |row| seconds(values.value(row), unit), form))
        }
        DataType::Duration(unit @ TimeUnit::Millisecond) => {
            let (values, unit) = (array.as_primitive::<DurationMillisecondType>(), *unit);
            Box::new(Spans(move |row| seconds(values.value(row), unit), form))
        }
        DataType::Duration(unit @ TimeUnit::Microsecond) => {
            let (values, unit) = (array.as_primitive::<DurationMicrosecondType>(), *unit);
            Box::new(Spans(move |row| seconds(values.value(row), unit), form))
        }
        DataType::Duration(unit @ TimeUnit::Nanosecond) => {
            let (values, unit) = (array.as_primitive::<DurationNanosecondType>(), *unit);
            Box::new(Spans(move |row| seconds(values.value(row), unit), form))
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            let values = array.as_primitive::<IntervalYearMonthType>();
            let span = move |row| Span { months: values.value(row).into(), days: 0, parts: 0, per_second: 1 };
            Box::new(Spans(span, form))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let values = array.as_primitive::<IntervalDayTimeType>();
            let span = move |row| {
                let value = values.value(row);
                Span { months: 0, days: value.days.into(), parts: value.milliseconds.into(), per_second: 1_000 }
            };
            Box::new(Spans(span, form))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>();
            let span = move |row| {
                let value = values.value(row);
                let (months, days) = (value.months.into(), value.days.into());
                Span { months, days, parts: value.nanoseconds, per_second: 1_000_000_000 }
            };
            Box::new(Spans(span, form))
        }
        other => return Err(format!("it is {other}, which is not a duration")),
    })
}

impl Span {
    fn write(&self, out: &mut Vec<u8>) {
        // A span with only one part has its sign before all of it, as most readers expect.
        let alone = self.months == 0 && self.days == 0;
        out.extend_from_slice(if alone && self.parts < 0 { b"-P" } else { b"P" });
        // Writing into memory does not fail.
        if self.months != 0 {
            let _ = write!(out, "{}M", self.months);
        }
        if self.days != 0 {
            let _ = write!(out, "{}D", self.days);
        }
        if self.parts == 0 && !alone {
            return;
        }
        let sign = if self.parts < 0 && !alone { "-" } else { "" };
        let per_second = self.per_second.unsigned_abs();
        let (whole, rest) = (self.parts.unsigned_abs() / per_second, self.parts.unsigned_abs() % per_second);
        let _ = write!(out, "T{sign}{whole}");
        if rest != 0 {
            let digits = format!("{:0width$}", rest, width = per_second.ilog10() as usize);
            let _ = write!(out, ".{}", digits.trim_end_matches('0'));
        }
        out.push(b'S');
    }
}

/// The number of a unit's parts per second.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}
