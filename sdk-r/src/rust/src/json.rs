//! Numbers and strings in JSON syntax, for the R side's writer.

use crate::altrep::Strings;
use crate::failure::{Failure, answer};
use crate::intervals;
use crate::times;
use crate::vectors::{NA_INTEGER, NA_INTEGER64, characters, is_na};
use extendr_api::prelude::*;
use serde_json::Value;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Integers, doubles and bit64's integers as the shortest digits that read back equal; NA stays NA.
#[extendr]
fn json_numbers(values: Robj) -> Robj {
    let texts: Vec<Option<String>> = if values.inherits("integer64") {
        let bits = values.as_real_slice().unwrap_or_default().iter().map(|value| value.to_bits().cast_signed());
        bits.map(|value| (value != NA_INTEGER64).then(|| value.to_string())).collect()
    } else if let Some(integers) = values.as_integer_slice() {
        integers.iter().map(|value| (*value != NA_INTEGER).then(|| value.to_string())).collect()
    } else {
        values
            .as_real_slice()
            .unwrap_or_default()
            .iter()
            .map(|value| (!is_na(*value)).then(|| number(*value)))
            .collect()
    };
    answer(characters(texts.len(), |row| texts.get(row).and_then(Option::as_deref)))
}

fn number(value: f64) -> String {
    match serde_json::Number::from_f64(value) {
        Some(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        None if value.is_nan() => "NaN".into(),
        None => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
    }
}

/// Days as a `date`, seconds as a `time`, a `clock` or a `span`, in ISO 8601. NA and values out of range become NA.
#[extendr]
fn json_moments(values: Robj, kind: &str) -> Robj {
    let values = values.as_real_slice().unwrap_or_default();
    let texts: Vec<Option<String>> = values.iter().map(|value| moment(*value, kind)).collect();
    answer(characters(texts.len(), |row| texts.get(row).and_then(Option::as_deref)))
}

fn moment(value: f64, kind: &str) -> Option<String> {
    if value.is_nan() {
        return None;
    }
    match kind {
        "date" => {
            let instant = intervals::instant(times::microseconds(value.floor() * DAY)?, 1_000_000);
            Some(instant.split('T').next().unwrap_or_default().to_owned())
        }
        "time" => Some(intervals::instant(times::microseconds(value)?, 1_000_000)),
        "clock" if (0.0..DAY).contains(&value) => {
            let instant = intervals::instant(times::nanoseconds(value)?, 1_000_000_000);
            Some(instant.split('T').nth(1).unwrap_or_default().to_owned())
        }
        _ => match times::nanoseconds(value) {
            Some(span) => Some(intervals::span(span, 1_000_000_000)),
            None => Some(intervals::span(times::microseconds(value)?, 1_000_000)),
        },
    }
}

/// Strings with their quotes and escapes; NA stays NA.
#[extendr]
fn json_strings(values: Robj) -> Robj {
    answer(Strings::of(&values).and_then(|strings| {
        let quoted = |row| match strings.get(row) {
            Ok(text) => Ok(text.map(|text| Value::from(text.as_ref()).to_string())),
            Err(_) => {
                Err(Failure::data("a text is not valid UTF-8: set its encoding, as in Encoding(x) <- \"latin1\""))
            }
        };
        let texts = (0..values.len()).map(quoted).collect::<Result<Vec<_>, _>>()?;
        characters(texts.len(), |row| texts.get(row).and_then(Option::as_deref))
    }))
}

extendr_module! {
    mod json;
    fn json_moments;
    fn json_numbers;
    fn json_strings;
}
