//! Values that are not nested.

use super::{Form, Reason, Written, duration, in_quotes, quoted};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, DecimalType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field};
use std::fmt::Write as _;
use std::io::Write as _;

/// The extension type of UUIDs.
const UUID: &str = "arrow.uuid";

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// How the values of a column are written.
pub(super) fn written<'a>(array: &'a ArrayRef, field: &Field, form: Form) -> Result<Box<dyn Written + 'a>, Reason> {
    let is_uuid = field.metadata().get("ARROW:extension:name").is_some_and(|name| name == UUID);
    Ok(match array.data_type() {
        DataType::Null => Box::new(Nothing),
        DataType::Boolean => Box::new(Booleans(array.as_boolean())),
        DataType::Int8 => integers::<Int8Type>(array),
        DataType::Int16 => integers::<Int16Type>(array),
        DataType::Int32 => integers::<Int32Type>(array),
        DataType::Int64 => integers::<Int64Type>(array),
        DataType::UInt8 => integers::<UInt8Type>(array),
        DataType::UInt16 => integers::<UInt16Type>(array),
        DataType::UInt32 => integers::<UInt32Type>(array),
        DataType::UInt64 => integers::<UInt64Type>(array),
        DataType::Float16 => floats::<Float16Type>(array, form, |value| Digits::Single(value.to_f32())),
        DataType::Float32 => floats::<Float32Type>(array, form, Digits::Single),
        DataType::Float64 => floats::<Float64Type>(array, form, Digits::Double),
        DataType::Decimal128(..) => Box::new(Decimals::<Decimal128Type>(array.as_primitive())),
        DataType::Decimal256(..) => Box::new(Decimals::<Decimal256Type>(array.as_primitive())),
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Box::new(Texts(move |row| texts.value(row), form))
        }
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            Box::new(Texts(move |row| texts.value(row), form))
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Box::new(Bytes(move |row| bytes.value(row), form))
        }
        DataType::LargeBinary => {
            let bytes = array.as_binary::<i64>();
            Box::new(Bytes(move |row| bytes.value(row), form))
        }
        DataType::FixedSizeBinary(16) if is_uuid => {
            let bytes = array.as_fixed_size_binary();
            Box::new(Uuids(move |row| bytes.value(row), form))
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary();
            Box::new(Bytes(move |row| bytes.value(row), form))
        }
        DataType::Interval(_) | DataType::Duration(_) => duration::written(array, form)?,
        DataType::Date64 => {
            let formatted = Formatted::new(array, form)?;
            Box::new(Date64s { values: array.as_primitive(), formatted })
        }
        DataType::Date32 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
            Box::new(Formatted::new(array, form)?)
        }
        other => return Err(format!("it is {other}, whose values have no text")),
    })
}

struct Nothing;

impl Written for Nothing {
    fn write(&self, _: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.extend_from_slice(b"null");
        Ok(())
    }
}

struct Booleans<'a>(&'a BooleanArray);

impl Written for Booleans<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.extend_from_slice(if self.0.value(row) { b"true" } else { b"false" });
        Ok(())
    }
}

struct Integers<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

fn integers<'a, T: ArrowPrimitiveType>(array: &'a ArrayRef) -> Box<dyn Written + 'a>
where
    T::Native: std::fmt::Display,
{
    Box::new(Integers::<T>(array.as_primitive()))
}

impl<T: ArrowPrimitiveType> Written for Integers<'_, T>
where
    T::Native: std::fmt::Display,
{
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        write!(out, "{}", self.0.value(row)).map_err(|error| error.to_string())
    }
}

/// A number, written with the fewest digits that are read back as the same number.
enum Digits {
    Single(f32),
    Double(f64),
}

struct Floats<'a, T: ArrowPrimitiveType, F> {
    values: &'a PrimitiveArray<T>,
    digits: F,
    form: Form,
}

fn floats<'a, T: ArrowPrimitiveType>(
    array: &'a ArrayRef,
    form: Form,
    digits: impl Fn(T::Native) -> Digits + 'a,
) -> Box<dyn Written + 'a> {
    Box::new(Floats::<T, _> { values: array.as_primitive(), digits, form })
}

impl<T: ArrowPrimitiveType, F: Fn(T::Native) -> Digits> Written for Floats<'_, T, F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        let digits = (self.digits)(self.values.value(row));
        let value = match digits {
            Digits::Single(value) => f64::from(value),
            Digits::Double(value) => value,
        };
        if value.is_finite() {
            // JSON's text of a finite number is the shortest one that is read back as the same number.
            let written = match digits {
                Digits::Single(value) => serde_json::to_writer(out, &value),
                Digits::Double(value) => serde_json::to_writer(out, &value),
            };
            return written.map_err(|error| error.to_string());
        }
        let word: &[u8] = match (self.form, value.is_nan(), value > 0.0) {
            (Form::Cell, true, _) => b"NaN",
            (Form::Cell, _, true) => b"inf",
            (Form::Cell, ..) => b"-inf",
            // JSON has no numbers for these; ProtoJSON has words.
            (Form::Json, true, _) => b"\"NaN\"",
            (Form::Json, _, true) => b"\"Infinity\"",
            (Form::Json, ..) => b"\"-Infinity\"",
        };
        out.extend_from_slice(word);
        Ok(())
    }
}

struct Decimals<'a, T: DecimalType>(&'a PrimitiveArray<T>);

impl<T: DecimalType> Written for Decimals<'_, T> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.extend_from_slice(self.0.value_as_string(row).as_bytes());
        Ok(())
    }
}

struct Texts<F>(F, Form);

impl<'a, F: Fn(usize) -> &'a str> Written for Texts<F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        match self.1 {
            Form::Cell => out.extend_from_slice((self.0)(row).as_bytes()),
            Form::Json => quoted((self.0)(row), out),
        }
        Ok(())
    }
}

struct Bytes<F>(F, Form);

impl<'a, F: Fn(usize) -> &'a [u8]> Written for Bytes<F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        in_quotes(self.1, out, |out| hex((self.0)(row), out));
        Ok(())
    }
}

struct Uuids<F>(F, Form);

impl<'a, F: Fn(usize) -> &'a [u8]> Written for Uuids<F> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        in_quotes(self.1, out, |out| {
            let bytes = (self.0)(row);
            let mut start = 0;
            for end in [4, 6, 8, 10, 16] {
                if start > 0 {
                    out.push(b'-');
                }
                hex(bytes.get(start..end).unwrap_or_default(), out);
                start = end;
            }
        });
        Ok(())
    }
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]]);
    }
}

/// Dates and times in the form of Arrow: ISO 8601 with all digits.
struct Formatted<'a> {
    formatter: ArrayFormatter<'a>,
    form: Form,
    text: std::cell::RefCell<String>,
    what: DataType,
}

impl<'a> Formatted<'a> {
    fn new(array: &'a ArrayRef, form: Form) -> Result<Self, Reason> {
        let options = FormatOptions::new().with_display_error(false);
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(|error| error.to_string())?;
        let what = array.data_type().clone();
        Ok(Self { formatter, form, text: std::cell::RefCell::default(), what })
    }
}

impl Written for Formatted<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        let mut text = self.text.borrow_mut();
        text.clear();
        if write!(text, "{}", self.formatter.value(row)).is_err() {
            let noun = match self.what {
                DataType::Time32(_) | DataType::Time64(_) => "a time of day outside 24 hours",
                _ => "a date or time that is too far away to be written as text",
            };
            return Err(format!("it is {noun}"));
        }
        in_quotes(self.form, out, |out| out.extend_from_slice(text.as_bytes()));
        Ok(())
    }
}

/// Dates in milliseconds: written as a date if they are whole days, otherwise as a date and time.
struct Date64s<'a> {
    values: &'a PrimitiveArray<arrow_array::types::Date64Type>,
    formatted: Formatted<'a>,
}

impl Written for Date64s<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
        let start = out.len();
        self.formatted.write(row, out)?;
        let midnight: &[u8] = b"T00:00:00";
        let quotes = usize::from(self.formatted.form == Form::Json);
        let end = out.len() - quotes;
        if self.values.value(row) % DAY_MILLIS == 0 && out[start..end].ends_with(midnight) {
            out.drain(end - midnight.len()..end);
        }
        Ok(())
    }
}
