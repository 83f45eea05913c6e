//! Converts one R vector to Arrow arrays, by its class. Doubles without NA are not copied.

use crate::altrep::Strings;
use crate::refusal::Refusal;
use crate::times::{NANOSECONDS_EXACT, microseconds, nanoseconds, zone_written};
use crate::vectors::{NA_INTEGER, NA_INTEGER64, borrow, is_na, logical_slice};
use arrow_array::builder::LargeStringBuilder;
use arrow_array::types::{
    DurationMicrosecondType, DurationNanosecondType, Time64MicrosecondType, Time64NanosecondType,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Date32Array, DurationNanosecondArray, Float64Array, Int64Array,
    LargeStringArray, NullArray, PrimitiveArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};
use extendr_api::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// An R vector.
pub(crate) struct Leaf {
    vector: Robj,
    kind: Kind,
}

enum Kind {
    /// Logicals that are all NA: R's default for columns without a type.
    Missing,
    Logical,
    Integer,
    Integer64,
    Double,
    Text,
    /// The levels of a factor; its codes are the vector.
    Factor(Vec<Option<String>>),
    Date,
    /// Seconds since 1970, with their zone.
    Time(Option<Arc<str>>),
    /// Time spans in a unit of this many seconds, and the precision that they need.
    Span(f64, TimeUnit),
    /// Seconds since midnight, and the precision that they need.
    OfDay(TimeUnit),
    /// Nanoseconds since 1970 in the memory of doubles, of the package nanotime.
    Nanotime,
    /// Time spans of the same package.
    Nanoduration,
}

impl Leaf {
    pub(crate) fn of(vector: &Robj) -> Result<Self, Refusal> {
        Ok(Self { kind: Kind::of(vector)?, vector: vector.clone() })
    }

    pub(crate) fn data_type(&self) -> DataType {
        match &self.kind {
            Kind::Missing => DataType::Null,
            Kind::Logical => DataType::Boolean,
            Kind::Integer | Kind::Integer64 => DataType::Int64,
            Kind::Double => DataType::Float64,
            Kind::Text | Kind::Factor(_) => DataType::LargeUtf8,
            Kind::Date => DataType::Date32,
            Kind::Time(zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            Kind::Span(_, unit) => DataType::Duration(*unit),
            Kind::OfDay(unit) => DataType::Time64(*unit),
            Kind::Nanotime => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Kind::Nanoduration => DataType::Duration(TimeUnit::Nanosecond),
        }
    }

    /// A range of values, in the data type above.
    pub(crate) fn array(&self, rows: Range<usize>) -> Result<ArrayRef, Refusal> {
        let start = rows.start;
        Ok(match &self.kind {
            Kind::Missing => Arc::new(NullArray::new(rows.len())),
            Kind::Logical => {
                let values = logical_slice(&self.vector).get(rows).unwrap_or_default();
                let value = |value: &i32| (*value != NA_INTEGER).then_some(*value != 0);
                Arc::new(values.iter().map(value).collect::<BooleanArray>())
            }
            Kind::Integer => {
                let values = self.integers(rows);
                let nulls = nulls(values, |value| *value == NA_INTEGER);
                Arc::new(Int64Array::new(values.iter().map(|value| i64::from(*value)).collect(), nulls))
            }
            Kind::Integer64 => Arc::new(self.bits(rows)),
            Kind::Nanotime => {
                let (_, values, nulls) = self.bits(rows).into_parts();
                Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone("UTC"))
            }
            Kind::Nanoduration => {
                let (_, values, nulls) = self.bits(rows).into_parts();
                Arc::new(DurationNanosecondArray::new(values, nulls))
            }
            Kind::Double => {
                let values = self.doubles(rows);
                let nulls = if may_have_nan(values) { nulls(values, |value| is_na(*value)) } else { None };
                Arc::new(Float64Array::new(ScalarBuffer::new(borrow(values), 0, values.len()), nulls))
            }
            Kind::Text => {
                let mut text = LargeStringBuilder::with_capacity(rows.len(), rows.len() * 16);
                let strings = Strings::of(&self.vector).map_err(|failure| Refusal::whole(failure.message()))?;
                for row in rows {
                    text.append_option(strings.get(row).map_err(|_| Refusal::not_utf8(row))?);
                }
                Arc::new(text.finish())
            }
            Kind::Factor(levels) => {
                let level = |code: &i32| levels.get(usize::try_from(code - 1).ok()?)?.as_deref();
                let codes = self.integers(rows).iter().map(|code| if *code == NA_INTEGER { None } else { level(code) });
                Arc::new(codes.collect::<LargeStringArray>())
            }
            Kind::Date => {
                let days =
                    self.numbers(rows).map(|(row, days)| days.map(|days| whole_days(start + row, days)).transpose());
                Arc::new(days.collect::<Result<Date32Array, _>>()?)
            }
            Kind::Time(zone) => {
                let times = self.numbers(rows).map(|(row, seconds)| {
                    let time = |seconds| microseconds(seconds).ok_or_else(|| too_far(start + row, "time", seconds));
                    seconds.map(time).transpose()
                });
                let times = times.collect::<Result<TimestampMicrosecondArray, _>>()?;
                Arc::new(times.with_timezone_opt(zone.clone()))
            }
            Kind::Span(scale, TimeUnit::Nanosecond) => {
                self.spans::<DurationNanosecondType>(rows, *scale, nanoseconds)?
            }
            Kind::Span(scale, _) => self.spans::<DurationMicrosecondType>(rows, *scale, microseconds)?,
            Kind::OfDay(TimeUnit::Nanosecond) => self.spans::<Time64NanosecondType>(rows, 1.0, nanoseconds)?,
            Kind::OfDay(_) => self.spans::<Time64MicrosecondType>(rows, 1.0, microseconds)?,
        })
    }

    fn spans<T: ArrowPrimitiveType<Native = i64>>(
        &self,
        rows: Range<usize>,
        scale: f64,
        exact: impl Fn(f64) -> Option<i64>,
    ) -> Result<ArrayRef, Refusal> {
        let start = rows.start;
        let spans = self.numbers(rows).map(|(row, value)| {
            let span = |value| exact(value * scale).ok_or_else(|| too_far(start + row, "time span", value * scale));
            value.map(span).transpose()
        });
        Ok(Arc::new(spans.collect::<Result<PrimitiveArray<T>, _>>()?))
    }

    fn doubles(&self, rows: Range<usize>) -> &[f64] {
        self.vector.as_real_slice().and_then(|values| values.get(rows)).unwrap_or_default()
    }

    fn integers(&self, rows: Range<usize>) -> &[i32] {
        self.vector.as_integer_slice().and_then(|values| values.get(rows)).unwrap_or_default()
    }

    fn bits(&self, rows: Range<usize>) -> Int64Array {
        let values = self.doubles(rows);
        let nulls = nulls(values, |value| value.to_bits().cast_signed() == NA_INTEGER64);
        Int64Array::new(values.iter().map(|value| value.to_bits().cast_signed()).collect(), nulls)
    }

    /// Numbers of either type, `None` for NA and NaN, with their positions in `rows`.
    fn numbers(&self, rows: Range<usize>) -> impl Iterator<Item = (usize, Option<f64>)> {
        numbers(self.doubles(rows.clone()), self.integers(rows))
    }
}

impl Kind {
    fn of(vector: &Robj) -> Result<Self, Refusal> {
        let attribute = |attribute: &str| {
            vector.get_attrib(attribute).and_then(|value| value.as_str_iter()?.next().map(str::to_owned))
        };
        let number = matches!(vector.rtype(), Rtype::Doubles | Rtype::Integers);
        Ok(match vector.rtype() {
            Rtype::Integers if vector.inherits("factor") => {
                let levels = vector.get_attrib("levels").unwrap_or_default();
                let texts = Strings::of(&levels).map_err(|failure| Refusal::whole(failure.message()))?;
                let level = |row| match texts.get(row) {
                    Ok(level) => Ok(level.map(|level| level.into_owned())),
                    Err(_) => Err(Refusal::at_level(row, Refusal::not_utf8(row).why)),
                };
                Self::Factor((0..levels.len()).map(level).collect::<Result<_, _>>()?)
            }
            _ if number && vector.inherits("Date") => Self::Date,
            _ if number && vector.inherits("POSIXct") => {
                Self::Time(attribute("tzone").and_then(|zone| zone_written(&zone)))
            }
            _ if number && (vector.inherits("hms") || vector.inherits("ITime")) => Self::of_day(vector),
            _ if number && vector.inherits("difftime") => {
                let scale = match attribute("units").as_deref() {
                    Some("mins") => 60.0,
                    Some("hours") => 3_600.0,
                    Some("days") => DAY,
                    Some("weeks") => 7.0 * DAY,
                    _ => 1.0,
                };
                Self::Span(scale, unit(vector, scale))
            }
            Rtype::Doubles if vector.inherits("integer64") => Self::Integer64,
            Rtype::Doubles if vector.inherits("nanotime") => Self::Nanotime,
            Rtype::Doubles if vector.inherits("nanoduration") => Self::Nanoduration,
            Rtype::Logicals if logical_slice(vector).iter().all(|value| *value == NA_INTEGER) => Self::Missing,
            Rtype::Logicals => Self::Logical,
            Rtype::Integers => Self::Integer,
            Rtype::Doubles => Self::Double,
            Rtype::Strings => Self::Text,
            other => return Err(Refusal::whole(format!("it has the type {other:?}, which no table can hold"))),
        })
    }

    /// Times of day, or spans if some values are not within a day.
    fn of_day(vector: &Robj) -> Self {
        let (doubles, integers) = slices(vector);
        let mut values = numbers(doubles, integers).filter_map(|(_, value)| value);
        let unit = unit(vector, 1.0);
        let within = |value: f64| match unit {
            TimeUnit::Nanosecond => nanoseconds(value).is_some_and(|value| value < 86_400_000_000_000),
            _ => microseconds(value).is_some_and(|value| value < 86_400_000_000),
        };
        if values.all(|value| value >= 0.0 && within(value)) { Self::OfDay(unit) } else { Self::Span(1.0, unit) }
    }
}

fn slices(vector: &Robj) -> (&[f64], &[i32]) {
    (vector.as_real_slice().unwrap_or_default(), vector.as_integer_slice().unwrap_or_default())
}

/// Microseconds, unless some value has more significant digits.
fn unit(vector: &Robj, scale: f64) -> TimeUnit {
    let (doubles, integers) = slices(vector);
    let fine = |value: f64| {
        let value = value * scale;
        value.abs() < NANOSECONDS_EXACT && nanoseconds(value).is_some_and(|value| value % 1_000 != 0)
    };
    let fits = |value: f64| nanoseconds(value * scale).is_some();
    let values = || numbers(doubles, integers).filter_map(|(_, value)| value);
    if values().any(fine) && values().all(fits) { TimeUnit::Nanosecond } else { TimeUnit::Microsecond }
}

fn numbers<'a>(doubles: &'a [f64], integers: &'a [i32]) -> impl Iterator<Item = (usize, Option<f64>)> + use<'a> {
    let doubles = doubles.iter().map(|value| (!value.is_nan()).then_some(*value));
    let integers = integers.iter().map(|value| (*value != NA_INTEGER).then(|| f64::from(*value)));
    doubles.chain(integers).enumerate()
}

/// A date is rounded down to its day.
fn whole_days(row: usize, days: f64) -> Result<i32, Refusal> {
    if days.abs() < f64::from(i32::MAX) {
        #[allow(clippy::cast_possible_truncation, reason = "the bound was just checked")]
        return Ok(days.floor() as i32);
    }
    Err(Refusal::at(row, format!("the date, {days} days, is too far from 1970")))
}

fn too_far(row: usize, what: &str, seconds: f64) -> Refusal {
    Refusal::at(row, format!("the {what} {seconds} s is too far from 1970"))
}

/// Whether any value is NaN, or there are opposite infinities. A sum is NaN if any of its parts is; several sums are
/// computed in parallel, because they do not depend on each other.
fn may_have_nan(values: &[f64]) -> bool {
    const LANES: usize = 16;
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().chain(rest).sum::<f64>().is_nan()
}

/// Which values are missing; `None` if none is.
fn nulls<T>(values: &[T], missing: impl Fn(&T) -> bool) -> Option<NullBuffer> {
    values.iter().any(&missing).then(|| values.iter().map(|value| !missing(value)).collect())
}
