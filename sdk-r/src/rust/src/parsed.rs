//! JSON as R values: objects as named lists, arrays of texts or numbers as vectors, others as lists.

use crate::failure::Failure;
use crate::vectors;
use extendr_api::prelude::*;
use serde_json::Value;

/// The R value of a JSON value; null is `NULL`.
pub(crate) fn value(value: &Value) -> Result<Robj, Failure> {
    Ok(match value {
        Value::Null => ().into(),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64().map(i32::try_from) {
            Some(Ok(integer)) if integer != vectors::NA_INTEGER => integer.into(),
            _ => number.as_f64().into(),
        },
        Value::String(text) => one(text)?,
        Value::Array(values) if !values.is_empty() && values.iter().all(Value::is_string) => texts(values)?,
        Value::Array(values) if !values.is_empty() && values.iter().all(Value::is_number) => {
            vectors::doubles(values.len(), |at| values[at].as_f64().unwrap_or_else(vectors::na_double))?
        }
        Value::Array(values) => vectors::list(&values.iter().map(self::value).collect::<Result<Vec<_>, _>>()?)?,
        Value::Object(pairs) => {
            let values = pairs.values().map(self::value).collect::<Result<Vec<_>, _>>()?;
            let names: Vec<String> = pairs.keys().map(|name| plain(name)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            vectors::attribute(vectors::list(&values)?, "names", &names)?
        }
    })
}

/// An array of texts; what is none of them is `NA`.
pub(crate) fn texts(values: &[Value]) -> Result<Robj, Failure> {
    let texts: Vec<Option<String>> = values.iter().map(|value| value.as_str().map(plain)).collect();
    vectors::characters(texts.len(), |at| texts.get(at).and_then(Option::as_deref))
}

fn one(text: &str) -> Result<Robj, Failure> {
    let text = plain(text);
    vectors::characters(1, |_| Some(text.as_str()))
}

/// R's texts have no NUL.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
