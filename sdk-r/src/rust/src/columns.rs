//! Columns of a table as R vectors. Doubles and integers without nulls are views over the segment, text is made when it
//! is looked at, the rest is built once. NA and NaN are kept apart: null is NA, and NaN stays NaN.

use crate::altrep;
use crate::failure::Failure;
use crate::text::Text;
use crate::vectors::{
    NA_INTEGER, NA_INTEGER64, attribute, characters, doubles, integers, list, logicals, na_double, raws, strings,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use extendr_api::prelude::*;

/// Integers beyond this have neighbours that doubles cannot tell apart.
const EXACT: u64 = 1 << 53;

/// How columns are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// Whether columns may be views.
    pub(crate) lazy: bool,
    /// Whether integers beyond 2^53 may be those of the package bit64.
    pub(crate) bit64: bool,
}

/// A table as a list of its columns, their names, and the number of rows.
pub(crate) fn table(schema: &SchemaRef, batches: &[arrow_array::RecordBatch], how: How) -> Result<Robj, Failure> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (index, field) in schema.fields().iter().enumerate() {
        let whole = match batches {
            [] => new_empty_array(field.data_type()),
            [one] => one.column(index).clone(),
            many => {
                let pieces: Vec<&dyn Array> = many.iter().map(|batch| batch.column(index).as_ref()).collect();
                arrow_select::concat::concat(&pieces).map_err(|error| Failure::data(error.to_string()))?
            }
        };
        columns.push(column(field.name(), &whole, how)?);
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if let Some(name) = names.iter().find(|name| name.contains('\0')) {
        return Err(Failure::data(format!(
            "the column name {name:?} has a NUL character, which R's strings cannot hold"
        )));
    }
    let rows: usize = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
    #[allow(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
    let rows = doubles(1, |_| rows as f64)?;
    list(&[list(&columns)?, characters(names.len(), |index| names.get(index).copied())?, rows])
}

/// A column as an R vector.
fn column(name: &str, array: &ArrayRef, how: How) -> Result<Robj, Failure> {
    let cast =
        |to: &DataType| arrow_cast::cast(array, to).map_err(|error| Failure::data(format!("column `{name}`: {error}")));
    match array.data_type() {
        DataType::Null => logicals(array.len(), |_| None),
        DataType::Boolean => {
            let values = array.as_boolean();
            logicals(values.len(), |row| values.is_valid(row).then(|| values.value(row)))
        }
        DataType::Int32 => small_integers(array, how),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => {
            small_integers(&cast(&DataType::Int32)?, How { lazy: false, ..how })
        }
        DataType::Int64 => large_integers(name, array, how),
        DataType::UInt32 => large_integers(name, &cast(&DataType::Int64)?, how),
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            let too_large = |row: &usize| values.is_valid(*row) && values.value(*row) > i64::MAX.unsigned_abs();
            match (0..values.len()).find(too_large) {
                Some(row) => Err(beyond(name, row, &values.value(row).to_string(), "R has no type for it")),
                None => large_integers(name, &cast(&DataType::Int64)?, how),
            }
        }
        DataType::Float64 => real_numbers(array, how),
        DataType::Float16
        | DataType::Float32
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => real_numbers(&cast(&DataType::Float64)?, How { lazy: false, ..how }),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = Text::new(name, array)?;
            if how.lazy { altrep::strings(text) } else { strings(&text) }
        }
        DataType::Dictionary(_, values) => column(name, &cast(values)?, how),
        DataType::Date32 => {
            let days = scaled::<arrow_array::types::Date32Type>(array, f64::from)?;
            attribute(days, "class", &["Date"])
        }
        DataType::Date64 => column(name, &cast(&DataType::Date32)?, how),
        DataType::Timestamp(unit, zone) => {
            let seconds = seconds(&cast(&DataType::Int64)?, *unit)?;
            let seconds = attribute(seconds, "class", &["POSIXct", "POSIXt"])?;
            attribute(seconds, "tzone", &[zone.as_deref().unwrap_or("UTC")])
        }
        DataType::Duration(unit) => span(seconds(&cast(&DataType::Int64)?, *unit)?),
        DataType::Time32(unit) => span(seconds(&cast(&DataType::Int32).and_then(|array| widen(name, &array))?, *unit)?),
        DataType::Time64(unit) => span(seconds(&cast(&DataType::Int64)?, *unit)?),
        DataType::Binary | DataType::BinaryView | DataType::FixedSizeBinary(_) | DataType::LargeBinary => {
            let values = cast(&DataType::LargeBinary)?;
            let values = values.as_binary::<i64>();
            rows(values.len(), |row| if values.is_valid(row) { raws(values.value(row)) } else { Ok(().into()) })
        }
        DataType::List(_) => {
            let values = array.as_list::<i32>();
            rows(values.len(), |row| element(name, values.is_valid(row), || values.value(row), how))
        }
        DataType::LargeList(_) => {
            let values = array.as_list::<i64>();
            rows(values.len(), |row| element(name, values.is_valid(row), || values.value(row), how))
        }
        DataType::FixedSizeList(..) => {
            let values = array.as_fixed_size_list();
            rows(values.len(), |row| element(name, values.is_valid(row), || values.value(row), how))
        }
        DataType::Struct(fields) => {
            let values = array.as_struct();
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            rows(values.len(), |row| {
                if values.is_null(row) {
                    return Ok(().into());
                }
                let parts = values.columns().iter().zip(&names);
                let parts = parts.map(|(part, name)| column(name, &part.slice(row, 1), How { lazy: false, ..how }));
                attribute(list(&parts.collect::<Result<Vec<_>, _>>()?)?, "names", &names)
            })
        }
        other => Err(Failure::data(format!(
            "column `{name}` has the type {other}, which has no counterpart in R: convert it before it is an input"
        ))),
    }
}

fn rows(length: usize, row: impl Fn(usize) -> Result<Robj, Failure>) -> Result<Robj, Failure> {
    list(&(0..length).map(row).collect::<Result<Vec<_>, _>>()?)
}

fn element(name: &str, valid: bool, value: impl Fn() -> ArrayRef, how: How) -> Result<Robj, Failure> {
    if valid { column(name, &value(), How { lazy: false, ..how }) } else { Ok(().into()) }
}

fn widen(name: &str, array: &ArrayRef) -> Result<ArrayRef, Failure> {
    arrow_cast::cast(array, &DataType::Int64).map_err(|error| Failure::data(format!("column `{name}`: {error}")))
}

fn small_integers(array: &ArrayRef, how: How) -> Result<Robj, Failure> {
    let values = array.as_primitive::<Int32Type>();
    let slice = values.values();
    let takes_na = slice.contains(&NA_INTEGER);
    if values.null_count() == 0 && !takes_na {
        return if how.lazy {
            altrep::integers(slice.inner().clone(), slice.len())
        } else {
            integers(slice.len(), |row| slice[row])
        };
    }
    // What R takes for NA among integers is a number here, if it is not under a null.
    if takes_na && (0..slice.len()).any(|row| slice[row] == NA_INTEGER && values.is_valid(row)) {
        return doubles(slice.len(), |row| if values.is_valid(row) { f64::from(slice[row]) } else { na_double() });
    }
    integers(slice.len(), |row| if values.is_valid(row) { slice[row] } else { NA_INTEGER })
}

/// Integers where all fit, else doubles where those are exact, else bit64's.
fn large_integers(name: &str, array: &ArrayRef, how: How) -> Result<Robj, Failure> {
    let values = array.as_primitive::<Int64Type>();
    let slice = values.values();
    let valid = |row: usize| values.is_valid(row);
    let (least, most) = if values.null_count() == 0 {
        slice.iter().fold((0, 0), |(least, most), value| (least.min(*value), most.max(*value)))
    } else {
        let present = values.iter().flatten();
        present.fold((0, 0), |(least, most), value| (least.min(value), most.max(value)))
    };
    if least > i64::from(NA_INTEGER) && most <= i64::from(i32::MAX) {
        #[allow(clippy::cast_possible_truncation, reason = "the bounds were just looked at")]
        return integers(slice.len(), |row| if valid(row) { slice[row] as i32 } else { NA_INTEGER });
    }
    if least.unsigned_abs() <= EXACT && most.unsigned_abs() <= EXACT {
        #[allow(clippy::cast_precision_loss, reason = "the bounds were just looked at")]
        return doubles(slice.len(), |row| if valid(row) { slice[row] as f64 } else { na_double() });
    }
    let beyond_double = |row: &usize| valid(*row) && slice[*row].unsigned_abs() > EXACT;
    let row = (0..slice.len()).find(beyond_double).unwrap_or(0);
    if !how.bit64 {
        let remedy = "load the package bit64 before reading, or convert the column";
        return Err(beyond(name, row, &slice[row].to_string(), remedy));
    }
    if let Some(row) = (0..slice.len()).find(|row| valid(*row) && slice[*row] == NA_INTEGER64) {
        return Err(beyond(name, row, &slice[row].to_string(), "bit64 takes it for NA"));
    }
    // bit64 keeps its integers in the memory of doubles.
    let bits = |row: usize| if valid(row) { slice[row] } else { NA_INTEGER64 };
    let vector = doubles(slice.len(), |row| f64::from_bits(bits(row).cast_unsigned()))?;
    attribute(vector, "class", &["integer64"])
}

fn beyond(name: &str, row: usize, value: &str, why: &str) -> Failure {
    let row = row + 1;
    Failure::data(format!("column `{name}`, row {row}: the integer {value} is beyond what doubles hold exactly: {why}"))
}

fn real_numbers(array: &ArrayRef, how: How) -> Result<Robj, Failure> {
    let values = array.as_primitive::<Float64Type>();
    let slice = values.values();
    match (values.null_count(), how.lazy) {
        (0, true) => altrep::doubles(slice.inner().clone(), slice.len()),
        (0, false) => doubles(slice.len(), |row| slice[row]),
        _ => doubles(slice.len(), |row| if values.is_valid(row) { slice[row] } else { na_double() }),
    }
}

fn scaled<T: ArrowPrimitiveType>(array: &ArrayRef, scale: impl Fn(T::Native) -> f64) -> Result<Robj, Failure> {
    let values = array.as_primitive::<T>();
    doubles(values.len(), |row| if values.is_valid(row) { scale(values.value(row)) } else { na_double() })
}

#[allow(clippy::cast_precision_loss, reason = "R keeps times in doubles: microseconds are exact until the year 2255")]
fn seconds(array: &ArrayRef, unit: TimeUnit) -> Result<Robj, Failure> {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    scaled::<Int64Type>(array, |value| {
        // Whole seconds and the rest apart: a quotient of large numbers loses digits.
        value.div_euclid(per_second) as f64 + value.rem_euclid(per_second) as f64 / per_second as f64
    })
}

fn span(seconds: Robj) -> Result<Robj, Failure> {
    attribute(attribute(seconds, "class", &["difftime"])?, "units", &["secs"])
}
