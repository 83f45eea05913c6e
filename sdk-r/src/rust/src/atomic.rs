//! Atomic vectors of R: logicals, integers, doubles and text by row, with the class of doubles. Null becomes NA, and
//! NaN stays NaN. `forms.rs` decides which of them an array becomes.

use crate::altrep;
use crate::failure::Failure;
use crate::text::Text;
use crate::vectors::{NA_INTEGER, NA_INTEGER64, attribute, doubles, integers, logicals, na_double, strings};
use arrow_array::{Array, BooleanArray, Float64Array, Int32Array, Int64Array};
use extendr_api::prelude::*;
use std::ops::Range;

/// Values of one atomic vector.
pub(crate) enum Atomic {
    /// A number of missing values.
    Missing(usize),
    Logical(BooleanArray),
    /// Integers, none of which R treats as NA.
    Integer(Int32Array),
    /// Integers of the package bit64.
    Integer64(Int64Array),
    Double(Float64Array, Class),
    Text(Text),
}

/// The class of doubles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Class {
    Number,
    /// Days since 1970.
    Date,
    /// Seconds since 1970, and the zone in which R shows them.
    Time(String),
    /// Seconds.
    Span,
    /// Seconds since midnight.
    OfDay,
}

impl Atomic {
    /// All values as a vector, which may be a view.
    pub(crate) fn column(&self, lazy: bool) -> Result<Robj, Failure> {
        match self {
            Self::Integer(values) if lazy && values.null_count() == 0 => {
                altrep::integers(values.values().inner().clone(), values.len())
            }
            Self::Double(values, Class::Number) if lazy && values.null_count() == 0 => {
                altrep::doubles(values.values().inner().clone(), values.len())
            }
            Self::Text(text) if lazy => altrep::strings(text.clone()),
            _ => self.vector(0..self.len()),
        }
    }

    /// A range of values as a vector.
    pub(crate) fn vector(&self, rows: Range<usize>) -> Result<Robj, Failure> {
        let (start, length) = (rows.start, rows.len());
        match self {
            Self::Missing(_) => logicals(length, |_| None),
            Self::Logical(values) => {
                logicals(length, |row| values.is_valid(start + row).then(|| values.value(start + row)))
            }
            Self::Integer(values) => {
                integers(
                    length,
                    |row| if values.is_valid(start + row) { values.value(start + row) } else { NA_INTEGER },
                )
            }
            Self::Integer64(values) => {
                // bit64 stores its integers in the memory of doubles.
                let bits = |row| if values.is_valid(row) { values.value(row) } else { NA_INTEGER64 };
                let vector = doubles(length, |row| f64::from_bits(bits(start + row).cast_unsigned()))?;
                attribute(vector, "class", &["integer64"])
            }
            Self::Double(values, class) => {
                let value = |row| if values.is_valid(row) { values.value(row) } else { na_double() };
                class.mark(doubles(length, |row| value(start + row))?)
            }
            Self::Text(text) => strings(text, rows),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Missing(length) => *length,
            Self::Logical(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Integer64(values) => values.len(),
            Self::Double(values, _) => values.len(),
            Self::Text(text) => text.len(),
        }
    }
}

impl Class {
    fn mark(&self, vector: Robj) -> Result<Robj, Failure> {
        match self {
            Self::Number => Ok(vector),
            Self::Date => attribute(vector, "class", &["Date"]),
            Self::Time(zone) => {
                attribute(attribute(vector, "class", &["POSIXct", "POSIXt"])?, "tzone", &[zone.as_str()])
            }
            Self::Span => attribute(attribute(vector, "class", &["difftime"])?, "units", &["secs"]),
            Self::OfDay => attribute(attribute(vector, "class", &["hms", "difftime"])?, "units", &["secs"]),
        }
    }
}
