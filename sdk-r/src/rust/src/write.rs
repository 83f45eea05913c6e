//! What scripts write: a list of R vectors as a stream of record batches, cut so that each is read while it is in the
//! processor's cache. Doubles without NA are not copied on the way. The R side has made everything plain before.

use crate::altrep::Strings;
use crate::failure::Failure;
use crate::vectors::{NA_INTEGER, NA_INTEGER64, borrow, is_na, logical_slice};
use arrow_array::builder::LargeStringBuilder;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, DurationMicrosecondArray, Float64Array, Int64Array, NullArray, RecordBatch,
    RecordBatchOptions, RecordBatchReader, TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use extendr_api::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of values in a batch, about: what the cache of a processor holds.
const BATCH_BYTES: usize = 1 << 20;

/// Microseconds in a second.
const MICROSECONDS: f64 = 1e6;

/// R marks text as UTF-8 or Latin-1, or as nothing; the R side has made UTF-8 of what was marked.
const NOT_UTF8: &str = "the text is no valid UTF-8: say what it is, as in Encoding(x) <- \"latin1\"";

/// The same of a column's name.
const NAME_NOT_UTF8: &str = "its name is no valid UTF-8: say what it is, as in Encoding(names(x)) <- \"latin1\"";

/// A column to write.
struct Column {
    name: String,
    vector: Robj,
    kind: Kind,
}

enum Kind {
    /// Logicals of which every one is NA: what R makes of columns that nobody gave a type.
    Missing,
    Logical,
    Integer,
    Integer64,
    Double,
    Text,
    /// The levels of a factor; its codes are the vector.
    Factor(Vec<Option<String>>),
    Date,
    /// Seconds since 1970, with their zone unless that is UTC.
    Time(Option<Arc<str>>),
    /// Seconds in a unit of so many of them.
    Span(f64),
}

/// R's columns, batch by batch. Lives no longer than the call that was given them.
pub(crate) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    step: usize,
    at: usize,
    failure: Option<Failure>,
}

impl Columns {
    /// Columns of equal length, with their names.
    pub(crate) fn new(names: &Robj, vectors: &List, rows: usize) -> Result<Self, Failure> {
        let texts = Strings::of(names)?;
        let column = |(index, vector): (usize, Robj)| {
            let name = texts.get(index).map_err(|_| Failure::data(format!("column {}: {NAME_NOT_UTF8}", index + 1)))?;
            let name = name.unwrap_or_default().into_owned();
            Ok(Column { kind: Kind::of(&name, &vector)?, name, vector })
        };
        let columns = vectors.values().enumerate().map(column).collect::<Result<Vec<_>, Failure>>()?;
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, column.kind.data_type(), true)).collect();
        let step = (BATCH_BYTES / (8 * columns.len().max(1))).max(1024);
        Ok(Self { schema: Arc::new(Schema::new(fields)), columns, rows, step, at: 0, failure: None })
    }

    /// What could not be written, after the reader said that something could not.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn batch(&self, rows: Range<usize>) -> Result<RecordBatch, Failure> {
        let arrays = self.columns.iter().map(|column| column.array(rows.clone())).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| Failure::data(error.to_string()))
    }
}

impl Iterator for Columns {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.rows {
            return None;
        }
        let rows = self.at..self.rows.min(self.at + self.step);
        self.at = rows.end;
        Some(self.batch(rows).map_err(|failure| {
            let error = ArrowError::InvalidArgumentError(failure.message().to_owned());
            self.failure = Some(failure);
            error
        }))
    }
}

impl RecordBatchReader for Columns {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Kind {
    fn of(name: &str, vector: &Robj) -> Result<Self, Failure> {
        let attribute =
            |attribute: &str| vector.get_attrib(attribute).and_then(|value| value.as_str().map(str::to_owned));
        let number = matches!(vector.rtype(), Rtype::Doubles | Rtype::Integers);
        Ok(match vector.rtype() {
            Rtype::Integers if vector.inherits("factor") => {
                let levels = vector.get_attrib("levels").unwrap_or_default();
                let texts = Strings::of(&levels)?;
                let level = |row| match texts.get(row) {
                    Ok(level) => Ok(level.map(|level| level.into_owned())),
                    Err(_) => Err(Failure::data(format!("column `{name}`, level {}: {NOT_UTF8}", row + 1))),
                };
                Self::Factor((0..levels.len()).map(level).collect::<Result<_, _>>()?)
            }
            _ if number && vector.inherits("Date") => Self::Date,
            _ if number && vector.inherits("POSIXct") => {
                let zone = attribute("tzone").filter(|zone| !matches!(zone.as_str(), "" | "UTC" | "GMT"));
                Self::Time(zone.map(Arc::from))
            }
            _ if number && vector.inherits("difftime") => Self::Span(match attribute("units").as_deref() {
                Some("mins") => 60.0,
                Some("hours") => 3_600.0,
                Some("days") => 86_400.0,
                Some("weeks") => 604_800.0,
                _ => 1.0,
            }),
            Rtype::Doubles if vector.inherits("integer64") => Self::Integer64,
            Rtype::Logicals if logical_slice(vector).iter().all(|value| *value == NA_INTEGER) => Self::Missing,
            Rtype::Logicals => Self::Logical,
            Rtype::Integers => Self::Integer,
            Rtype::Doubles => Self::Double,
            Rtype::Strings => Self::Text,
            other => {
                return Err(Failure::data(format!(
                    "column `{name}` is of the type {other:?}, which no table can hold"
                )));
            }
        })
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Missing => DataType::Null,
            Self::Logical => DataType::Boolean,
            Self::Integer | Self::Integer64 => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Text | Self::Factor(_) => DataType::LargeUtf8,
            Self::Date => DataType::Date32,
            Self::Time(zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            Self::Span(_) => DataType::Duration(TimeUnit::Microsecond),
        }
    }
}

impl Column {
    fn array(&self, rows: Range<usize>) -> Result<ArrayRef, Failure> {
        let start = rows.start;
        Ok(match &self.kind {
            Kind::Missing => Arc::new(NullArray::new(rows.len())),
            Kind::Logical => {
                let values = logical_slice(&self.vector).get(rows).unwrap_or_default();
                Arc::new(
                    values.iter().map(|value| (*value != NA_INTEGER).then_some(*value != 0)).collect::<BooleanArray>(),
                )
            }
            Kind::Integer => {
                let values = self.integers(rows);
                let nulls = nulls(values, |value| *value == NA_INTEGER);
                Arc::new(Int64Array::new(values.iter().map(|value| i64::from(*value)).collect(), nulls))
            }
            Kind::Integer64 => {
                let values = self.doubles(rows);
                let nulls = nulls(values, |value| value.to_bits().cast_signed() == NA_INTEGER64);
                Arc::new(Int64Array::new(values.iter().map(|value| value.to_bits().cast_signed()).collect(), nulls))
            }
            Kind::Double => {
                let values = self.doubles(rows);
                let nulls = if may_have_nan(values) { nulls(values, |value| is_na(*value)) } else { None };
                Arc::new(Float64Array::new(ScalarBuffer::new(borrow(values), 0, values.len()), nulls))
            }
            Kind::Text => {
                let mut text = LargeStringBuilder::with_capacity(rows.len(), rows.len() * 16);
                let strings = Strings::of(&self.vector)?;
                for row in rows {
                    text.append_option(strings.get(row).map_err(|_| self.refused(row, NOT_UTF8))?);
                }
                Arc::new(text.finish())
            }
            Kind::Factor(levels) => {
                let level = |code: &i32| levels.get(usize::try_from(code - 1).ok()?)?.as_deref();
                let codes = self.integers(rows).iter().map(|code| if *code == NA_INTEGER { None } else { level(code) });
                Arc::new(codes.collect::<arrow_array::LargeStringArray>())
            }
            Kind::Date => {
                let days = self.numbers(rows).map(|(row, days)| match days {
                    Some(days) => self.whole(start + row, days.floor(), "the date").map(Some),
                    None => Ok(None),
                });
                Arc::new(days.collect::<Result<Date32Array, _>>()?)
            }
            Kind::Time(zone) => {
                let times =
                    self.numbers(rows).map(|(row, seconds)| self.microseconds(start + row, seconds, 1.0, "the time"));
                let times = times.collect::<Result<TimestampMicrosecondArray, _>>()?;
                Arc::new(times.with_timezone_opt(zone.clone()))
            }
            Kind::Span(unit) => {
                let spans =
                    self.numbers(rows).map(|(row, span)| self.microseconds(start + row, span, *unit, "the time span"));
                Arc::new(spans.collect::<Result<DurationMicrosecondArray, _>>()?)
            }
        })
    }

    fn doubles(&self, rows: Range<usize>) -> &[f64] {
        self.vector.as_real_slice().and_then(|values| values.get(rows)).unwrap_or_default()
    }

    fn integers(&self, rows: Range<usize>) -> &[i32] {
        self.vector.as_integer_slice().and_then(|values| values.get(rows)).unwrap_or_default()
    }

    /// Numbers of either type, `None` for NA and NaN, with their places among `rows`.
    fn numbers(&self, rows: Range<usize>) -> impl Iterator<Item = (usize, Option<f64>)> {
        let doubles = self.doubles(rows.clone());
        let integers = self.integers(rows);
        let doubles = doubles.iter().map(|value| (!value.is_nan()).then_some(*value));
        let integers = integers.iter().map(|value| (*value != NA_INTEGER).then(|| f64::from(*value)));
        doubles.chain(integers).enumerate()
    }

    fn microseconds(&self, row: usize, value: Option<f64>, unit: f64, what: &str) -> Result<Option<i64>, Failure> {
        let Some(value) = value else { return Ok(None) };
        let microseconds = (value * unit * MICROSECONDS).round();
        // Beyond this doubles have no microseconds any more, and integers soon end.
        if microseconds.abs() < 9e18 {
            #[allow(clippy::cast_possible_truncation, reason = "the bound was just looked at")]
            return Ok(Some(microseconds as i64));
        }
        Err(self.refused(row, &format!("{what} {value} s is too far from 1970")))
    }

    fn whole(&self, row: usize, value: f64, what: &str) -> Result<i32, Failure> {
        if value.abs() < f64::from(i32::MAX) {
            #[allow(clippy::cast_possible_truncation, reason = "the bound was just looked at")]
            return Ok(value as i32);
        }
        Err(self.refused(row, &format!("{what}, {value} days, is too far from 1970")))
    }

    fn refused(&self, row: usize, why: &str) -> Failure {
        Failure::data(format!("column `{}`, row {}: {why}", self.name, row + 1))
    }
}

/// Whether any value is NaN; opposite infinities are taken for one. A sum is NaN where any of its parts is, and sums
/// side by side wait for each other less.
fn may_have_nan(values: &[f64]) -> bool {
    const LANES: usize = 16;
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().chain(rest).sum::<f64>().is_nan()
}

/// Which values are missing, if any is.
fn nulls<T>(values: &[T], missing: impl Fn(&T) -> bool) -> Option<NullBuffer> {
    values.iter().any(&missing).then(|| values.iter().map(|value| !missing(value)).collect())
}
