//! Which R vector an Arrow array becomes: decided once for the whole array, whatever is above it, so that all elements of
//! a list column have one type. NA and NaN are kept apart: null is NA, and NaN stays NaN. What numbers, times and nested
//! arrays need is in files of their own.

use crate::altrep;
use crate::columns::{How, Note, Refusal, extension};
use crate::failure::Failure;
use crate::intervals;
use crate::nested::{Lists, Maps, Structs, Unions};
use crate::numbers;
use crate::text::Text;
use crate::times;
use crate::vectors::{
    NA_INTEGER, NA_INTEGER64, attribute, doubles, integers, list, logicals, na_double, raws, strings,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, LargeBinaryArray};
use arrow_schema::{DataType, Field};
use extendr_api::prelude::*;
use std::ops::Range;

/// An array as it goes into R.
pub(crate) enum Form {
    /// Values that are all missing, so many.
    Missing(usize),
    Logical(BooleanArray),
    /// None of its values is what R takes for NA.
    Integer(Int32Array),
    /// Of the package bit64.
    Integer64(Int64Array),
    Double(Float64Array, Class),
    Text(Text),
    Bytes(LargeBinaryArray),
    List(Lists),
    Struct(Structs),
    Map(Maps),
    Union(Unions),
}

/// What doubles mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Class {
    Number,
    /// Days since 1970.
    Date,
    /// Seconds since 1970, and the zone that they are shown in.
    Time(String),
    /// Seconds.
    Span,
    /// Seconds since midnight.
    OfDay,
}

impl Form {
    /// Decides. Notes are of values for which the column has another form than the usual one.
    pub(crate) fn new(field: &Field, array: &ArrayRef, how: &How, notes: &mut Vec<Note>) -> Result<Self, Refusal> {
        let cast = |to: &DataType| cast(array, to);
        Ok(match array.data_type() {
            DataType::Null => Self::Missing(array.len()),
            DataType::Boolean => Self::Logical(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
                numbers::small(cast(&DataType::Int32)?.as_primitive::<Int32Type>())
            }
            DataType::Int64 | DataType::UInt32 => {
                numbers::large(cast(&DataType::Int64)?.as_primitive::<Int64Type>(), how)?
            }
            DataType::UInt64 => numbers::unsigned(array.as_primitive::<UInt64Type>(), how)?,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let values = cast(&DataType::Float64)?;
                Self::Double(values.as_primitive::<Float64Type>().clone(), Class::Number)
            }
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => {
                let values = cast(&DataType::Decimal128(*precision, *scale))?;
                numbers::decimals(values.as_primitive::<Decimal128Type>(), notes)?
            }
            DataType::Decimal256(..) => numbers::decimals(array.as_primitive::<Decimal256Type>(), notes)?,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text(Text::new(array)?),
            DataType::Dictionary(_, values) => {
                let plain = Field::new("", values.as_ref().clone(), true);
                Self::new(&plain, &cast(values)?, how, notes)?
            }
            DataType::RunEndEncoded(_, values) => Self::new(values, &cast(values.data_type())?, how, notes)?,
            DataType::FixedSizeBinary(16) if extension(field) == Some("arrow.uuid") => {
                Self::Text(Text::of_uuids(array.as_fixed_size_binary()))
            }
            DataType::Binary | DataType::BinaryView | DataType::FixedSizeBinary(_) | DataType::LargeBinary => {
                Self::Bytes(cast(&DataType::LargeBinary)?.as_binary::<i64>().clone())
            }
            DataType::Date32 | DataType::Date64 => times::dates(array, notes)?,
            DataType::Timestamp(unit, zone) => {
                times::instants(cast(&DataType::Int64)?.as_primitive(), *unit, zone.as_deref(), how, notes)?
            }
            DataType::Duration(unit) => {
                times::spans(cast(&DataType::Int64)?.as_primitive(), *unit, Class::Span, notes)?
            }
            DataType::Time32(unit) => {
                let values = crate::forms::cast(&cast(&DataType::Int32)?, &DataType::Int64)?;
                times::spans(values.as_primitive(), *unit, Class::OfDay, notes)?
            }
            DataType::Time64(unit) => times::spans(cast(&DataType::Int64)?.as_primitive(), *unit, Class::OfDay, notes)?,
            DataType::Interval(unit) => Self::Text(Text::new(&intervals::text(array, *unit))?),
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::ListView(element)
            | DataType::LargeListView(element) => {
                let lists = cast(&DataType::LargeList(element.clone()))?;
                Self::List(Lists::new(element, lists.as_list::<i64>(), how, notes)?)
            }
            DataType::FixedSizeList(element, size) => {
                Self::List(Lists::fixed(element, array.as_fixed_size_list(), *size, how, notes)?)
            }
            DataType::Struct(_) => Self::Struct(Structs::new(array.as_struct(), how, notes)?),
            DataType::Map(..) => Maps::form(array.as_map(), how, notes)?,
            DataType::Union(fields, _) => Self::Union(Unions::new(fields, array.as_union(), how, notes)?),
        })
    }

    /// The whole as a column. One of lists says what is in it, so that it can be written as it was read.
    pub(crate) fn column(&self, lazy: bool) -> Result<Robj, Failure> {
        let rows = 0..self.len();
        match self {
            Self::Integer(values) if lazy && values.null_count() == 0 => {
                altrep::integers(values.values().inner().clone(), values.len())
            }
            Self::Double(values, Class::Number) if lazy && values.null_count() == 0 => {
                altrep::doubles(values.values().inner().clone(), values.len())
            }
            Self::Text(text) if lazy => altrep::strings(text.clone()),
            Self::Bytes(_) | Self::List(_) | Self::Struct(_) | Self::Map(_) => {
                let vector = self.vector(rows)?;
                let Some(shape) = self.shape()? else { return Ok(vector) };
                let mut vector = attribute(vector, "class", &["longshore_list", "list"])?;
                vector.set_attrib("shape", shape).map_err(|error| Failure::data(error.to_string()))?;
                Ok(vector)
            }
            _ => self.vector(rows),
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
                // bit64 keeps its integers in the memory of doubles.
                let bits = |row| if values.is_valid(row) { values.value(row) } else { NA_INTEGER64 };
                let vector = doubles(length, |row| f64::from_bits(bits(start + row).cast_unsigned()))?;
                attribute(vector, "class", &["integer64"])
            }
            Self::Double(values, class) => {
                let value = |row| if values.is_valid(row) { values.value(row) } else { na_double() };
                class.mark(doubles(length, |row| value(start + row))?)
            }
            Self::Text(text) => strings(text, rows),
            Self::Bytes(_) | Self::List(_) | Self::Struct(_) | Self::Map(_) | Self::Union(_) => {
                list(&rows.map(|row| self.value(row)).collect::<Result<Vec<_>, _>>()?)
            }
        }
    }

    /// One value as an element of a list or a part of a structure: `NULL` where it is missing and no vector.
    pub(crate) fn value(&self, row: usize) -> Result<Robj, Failure> {
        match self {
            Self::Bytes(values) if values.is_valid(row) => raws(values.value(row)),
            Self::Bytes(_) => Ok(().into()),
            Self::List(lists) => lists.value(row),
            Self::Struct(structs) => structs.value(row),
            Self::Map(maps) => maps.value(row),
            Self::Union(unions) => unions.value(row),
            _ => self.vector(row..row + 1),
        }
    }

    /// What the values are, as the R side has it when it writes a list column: an empty vector, or a list of `list`,
    /// `struct` or `map`. Nothing for unions, which are looked at value by value.
    pub(crate) fn shape(&self) -> Result<Option<Robj>, Failure> {
        Ok(Some(match self {
            Self::Bytes(_) => raws(&[])?,
            Self::List(lists) => match lists.child().shape()? {
                Some(child) => attribute(list(&[child])?, "names", &["list"])?,
                None => return Ok(None),
            },
            Self::Struct(structs) => match structs.shapes()? {
                Some(parts) => attribute(list(&[parts])?, "names", &["struct"])?,
                None => return Ok(None),
            },
            Self::Map(maps) => match maps.values().shape()? {
                Some(child) => attribute(list(&[child])?, "names", &["map"])?,
                None => return Ok(None),
            },
            Self::Union(_) => return Ok(None),
            _ => self.vector(0..0)?,
        }))
    }

    fn len(&self) -> usize {
        match self {
            Self::Missing(length) => *length,
            Self::Logical(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Integer64(values) => values.len(),
            Self::Double(values, _) => values.len(),
            Self::Text(text) => text.len(),
            Self::Bytes(values) => values.len(),
            Self::List(lists) => lists.len(),
            Self::Struct(structs) => structs.len(),
            Self::Map(maps) => maps.len(),
            Self::Union(unions) => unions.len(),
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

/// A cast that loses nothing; types between which there is none are refused.
pub(crate) fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Refusal> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    arrow_cast::cast(array, to).map_err(|error| Refusal::whole(error.to_string()))
}
