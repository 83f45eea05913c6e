//! Decides which R vector an Arrow array becomes: once for the whole array, at any depth, so that all elements of a
//! list column have one type. Numbers and times have files of their own; nested arrays are forms of forms.

mod nested;

use crate::atomic::{Atomic, Class};
use crate::cast::cast;
use crate::failure::Failure;
use crate::how::How;
use crate::intervals;
use crate::numbers;
use crate::refusal::{Note, Refusal};
use crate::text::Text;
use crate::times;
use crate::vectors::{attribute, list, raws};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, LargeBinaryArray};
use arrow_schema::{DataType, Field};
use extendr_api::prelude::*;
use nested::{Lists, Maps, Structs, Unions};
use std::ops::Range;

/// The R form of an array.
pub(crate) enum Form {
    Atomic(Atomic),
    /// Raw vectors.
    Bytes(LargeBinaryArray),
    List(Lists),
    Struct(Structs),
    Map(Maps),
    Union(Unions),
}

impl Form {
    /// Decides the form. Notes name values because of which the column has an unusual form.
    pub(crate) fn new(field: &Field, array: &ArrayRef, how: &How, notes: &mut Vec<Note>) -> Result<Self, Refusal> {
        let cast = |to: &DataType| cast(array, to);
        Ok(match array.data_type() {
            DataType::Null => Self::Atomic(Atomic::Missing(array.len())),
            DataType::Boolean => Self::Atomic(Atomic::Logical(array.as_boolean().clone())),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
                Self::Atomic(numbers::small(cast(&DataType::Int32)?.as_primitive::<Int32Type>()))
            }
            DataType::Int64 | DataType::UInt32 => {
                Self::Atomic(numbers::large(cast(&DataType::Int64)?.as_primitive::<Int64Type>(), how)?)
            }
            DataType::UInt64 => Self::Atomic(numbers::unsigned(array.as_primitive::<UInt64Type>(), how)?),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let values = cast(&DataType::Float64)?;
                Self::Atomic(Atomic::Double(values.as_primitive::<Float64Type>().clone(), Class::Number))
            }
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => {
                let values = cast(&DataType::Decimal128(*precision, *scale))?;
                Self::Atomic(numbers::decimals(values.as_primitive::<Decimal128Type>(), notes)?)
            }
            DataType::Decimal256(..) => Self::Atomic(numbers::decimals(array.as_primitive::<Decimal256Type>(), notes)?),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Atomic(Atomic::Text(Text::new(array)?)),
            DataType::Dictionary(_, values) => {
                let plain = Field::new("", values.as_ref().clone(), true);
                Self::new(&plain, &cast(values)?, how, notes)?
            }
            DataType::RunEndEncoded(_, values) => Self::new(values, &cast(values.data_type())?, how, notes)?,
            DataType::FixedSizeBinary(16) if extension(field) == Some("arrow.uuid") => {
                Self::Atomic(Atomic::Text(Text::of_uuids(array.as_fixed_size_binary())))
            }
            DataType::Binary | DataType::BinaryView | DataType::FixedSizeBinary(_) | DataType::LargeBinary => {
                Self::Bytes(cast(&DataType::LargeBinary)?.as_binary::<i64>().clone())
            }
            DataType::Date32 | DataType::Date64 => Self::Atomic(times::dates(array, notes)?),
            DataType::Timestamp(unit, zone) => Self::Atomic(times::instants(
                cast(&DataType::Int64)?.as_primitive(),
                *unit,
                zone.as_deref(),
                how,
                notes,
            )?),
            DataType::Duration(unit) => {
                Self::Atomic(times::spans(cast(&DataType::Int64)?.as_primitive(), *unit, Class::Span, notes)?)
            }
            DataType::Time32(unit) => {
                let values = crate::cast::cast(&cast(&DataType::Int32)?, &DataType::Int64)?;
                Self::Atomic(times::spans(values.as_primitive(), *unit, Class::OfDay, notes)?)
            }
            DataType::Time64(unit) => {
                Self::Atomic(times::spans(cast(&DataType::Int64)?.as_primitive(), *unit, Class::OfDay, notes)?)
            }
            DataType::Interval(unit) => Self::Atomic(Atomic::Text(Text::new(&intervals::text(array, *unit))?)),
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

    /// All values as a column. A list column has an attribute with its shape, so that it can be written as it was read.
    pub(crate) fn column(&self, lazy: bool) -> Result<Robj, Failure> {
        match self {
            Self::Atomic(values) => values.column(lazy),
            Self::Bytes(_) | Self::List(_) | Self::Struct(_) | Self::Map(_) => {
                let vector = self.vector(0..self.len())?;
                let Some(shape) = self.shape()? else { return Ok(vector) };
                let mut vector = attribute(vector, "class", &["longshore_list", "list"])?;
                vector.set_attrib("shape", shape).map_err(|error| Failure::data(error.to_string()))?;
                Ok(vector)
            }
            Self::Union(_) => self.vector(0..self.len()),
        }
    }

    /// A range of values as a vector.
    pub(crate) fn vector(&self, rows: Range<usize>) -> Result<Robj, Failure> {
        match self {
            Self::Atomic(values) => values.vector(rows),
            Self::Bytes(_) | Self::List(_) | Self::Struct(_) | Self::Map(_) | Self::Union(_) => {
                list(&rows.map(|row| self.value(row)).collect::<Result<Vec<_>, _>>()?)
            }
        }
    }

    /// One value as an element of a list or a part of a structure: `NULL` if it is missing and its form is not a
    /// vector.
    pub(crate) fn value(&self, row: usize) -> Result<Robj, Failure> {
        match self {
            Self::Bytes(values) if values.is_valid(row) => raws(values.value(row)),
            Self::Bytes(_) => Ok(().into()),
            Self::List(lists) => lists.value(row),
            Self::Struct(structs) => structs.value(row),
            Self::Map(maps) => maps.value(row),
            Self::Union(unions) => unions.value(row),
            Self::Atomic(values) => values.vector(row..row + 1),
        }
    }

    /// The shape of the values, which the R side uses when it writes a list column: an empty vector, or a list of
    /// `list`, `struct` or `map`. `None` for unions, which are inspected value by value.
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
            Self::Atomic(values) => values.vector(0..0)?,
        }))
    }

    fn len(&self) -> usize {
        match self {
            Self::Atomic(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::List(lists) => lists.len(),
            Self::Struct(structs) => structs.len(),
            Self::Map(maps) => maps.len(),
            Self::Union(unions) => unions.len(),
        }
    }
}

/// The name of an extension type, if the field has one.
fn extension(field: &Field) -> Option<&str> {
    field.metadata().get("ARROW:extension:name").map(String::as_str)
}
