//! Integers and decimals in R: in the smallest type that represents every value exactly.

use crate::atomic::{Atomic, Class};
use crate::how::How;
use crate::refusal::{Note, Refusal};
use crate::text::Text;
use crate::vectors::{NA_INTEGER, NA_INTEGER64};
use arrow_array::types::DecimalType;
use arrow_array::{
    Array, ArrayRef, Float64Array, Int32Array, Int64Array, LargeStringArray, PrimitiveArray, UInt64Array,
};
use std::sync::Arc;

/// Beyond this, doubles cannot distinguish neighbouring integers.
pub(crate) const EXACT: u64 = 1 << 53;

/// Digits that a double always preserves.
const DIGITS: u32 = 15;

/// The end of notes about values that R has no exact type for.
pub(crate) const AS_TEXT: &str = "the column is read as text";

/// Powers of ten up to this are exact as doubles.
const EXACT_POWER: i8 = 22;

/// Integers of at most 32 bits. The value that R uses for NA is a number here, unless it is null.
pub(crate) fn small(values: &Int32Array) -> Atomic {
    let slice = values.values();
    if slice.contains(&NA_INTEGER) && values.iter().flatten().any(|value| value == NA_INTEGER) {
        return Atomic::Double(values.iter().map(|value| value.map(f64::from)).collect(), Class::Number);
    }
    Atomic::Integer(values.clone())
}

/// Integers if all values fit, else doubles if they are exact, else bit64's.
pub(crate) fn large(values: &Int64Array, how: &How) -> Result<Atomic, Refusal> {
    let (least, most) = if values.null_count() == 0 {
        values.values().iter().fold((0, 0), |(least, most), value| (least.min(*value), most.max(*value)))
    } else {
        values.iter().flatten().fold((0, 0), |(least, most), value| (least.min(value), most.max(value)))
    };
    if least > i64::from(NA_INTEGER) && most <= i64::from(i32::MAX) {
        #[allow(clippy::cast_possible_truncation, reason = "the bounds were just checked")]
        return Ok(Atomic::Integer(values.unary(|value| value as i32)));
    }
    if least.unsigned_abs() <= EXACT && most.unsigned_abs() <= EXACT {
        #[allow(clippy::cast_precision_loss, reason = "the bounds were just checked")]
        return Ok(Atomic::Double(values.unary(|value| value as f64), Class::Number));
    }
    let first = |wanted: &dyn Fn(i64) -> bool| {
        values
            .iter()
            .enumerate()
            .find_map(|(row, value)| value.filter(|value| wanted(*value)).map(|value| (row, value)))
    };
    if !how.bit64 {
        let (row, value) = first(&|value| value.unsigned_abs() > EXACT).unwrap_or_default();
        return Err(beyond(row, value, "load the package bit64 before reading, or convert the column"));
    }
    if let Some((row, value)) = first(&|value| value == NA_INTEGER64) {
        return Err(beyond(row, value, "bit64 takes it for NA"));
    }
    Ok(Atomic::Integer64(values.clone()))
}

/// Unsigned integers of 64 bits.
pub(crate) fn unsigned(values: &UInt64Array, how: &How) -> Result<Atomic, Refusal> {
    let too_large = |row: &usize| values.is_valid(*row) && i64::try_from(values.value(*row)).is_err();
    if let Some(row) = (0..values.len()).find(too_large) {
        return Err(beyond(row, values.value(row), "R has no type for it"));
    }
    large(&values.unary(u64::cast_signed), how)
}

fn beyond(row: usize, value: impl std::fmt::Display, why: &str) -> Refusal {
    Refusal::at(row, format!("the integer {value} is beyond what doubles hold exactly: {why}"))
}

/// Doubles if each has all digits of its decimal, else text.
pub(crate) fn decimals<T: DecimalType>(values: &PrimitiveArray<T>, notes: &mut Vec<Note>) -> Result<Atomic, Refusal>
where
    T::Native: std::fmt::Display,
{
    let mut doubles = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        if values.is_null(row) {
            doubles.push(None);
            continue;
        }
        match double(&values.value(row).to_string(), values.scale()) {
            Some(value) => doubles.push(Some(value)),
            None => {
                let texts = (0..values.len()).map(|row| values.is_valid(row).then(|| digits(values, row)));
                let texts: ArrayRef = Arc::new(texts.collect::<LargeStringArray>());
                let value = digits(values, row);
                let why = format!("the decimal {value} has more digits than doubles hold exactly: {AS_TEXT}");
                notes.push(Note { row: Some(row), why });
                return Ok(Atomic::Text(Text::new(&texts)?));
            }
        }
    }
    Ok(Atomic::Double(doubles.into_iter().collect::<Float64Array>(), Class::Number))
}

fn digits<T: DecimalType>(values: &PrimitiveArray<T>, row: usize) -> String
where
    T::Native: std::fmt::Display,
{
    decimal(&values.value(row).to_string(), values.scale())
}

/// The digits of a decimal with this integer and scale.
fn decimal(integer: &str, scale: i8) -> String {
    let (sign, digits) = integer.strip_prefix('-').map_or(("", integer), |digits| ("-", digits));
    let scale = i32::from(scale);
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { scale.unsigned_abs() as usize };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    }
    let scale = scale.unsigned_abs() as usize;
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// The double of a decimal, if it has the same digits when printed with the same number of decimal places.
fn double(integer: &str, scale: i8) -> Option<f64> {
    let count = integer.trim_start_matches('-').len();
    if count <= DIGITS as usize && (0..=EXACT_POWER).contains(&scale) {
        // Both are exact, so the quotient is the double nearest to the decimal.
        return integer.parse::<f64>().ok().map(|value| value / 10_f64.powi(scale.into()));
    }
    let text = decimal(integer, scale);
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    let places = usize::try_from(scale).unwrap_or(0);
    (format!("{value:.places$}") == text).then_some(value)
}
