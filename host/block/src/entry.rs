//! One object of a `manifest.json`, read leniently: missing and null values are equal, a number may be written as text
//! and text as a number, and unusable values are reported and left out. The manifest interprets the values.

use serde_json::{Map, Value};

/// Notices collected during reading.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Those that may change how the block runs.
    pub(super) warnings: Vec<String>,
    /// Kinds of options that are not known.
    pub(super) unknown_kinds: Vec<String>,
    /// Those that change nothing.
    pub(super) remarks: Vec<String>,
}

/// An object; anything else is treated as an empty one.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    values: Option<&'a Map<String, Value>>,
    /// The known keys. The page about manifests documents them all, so no other key may be read.
    known: &'static [&'static str],
    /// Its name in messages, such as ``option `k`: ``; empty for the manifest itself.
    place: String,
}

impl<'a> Entry<'a> {
    /// The object in `value`. Keys beyond `known` are ignored and reported.
    pub(super) fn new(value: &'a Value, place: String, known: &'static [&'static str], notices: &mut Notices) -> Self {
        let values = value.as_object();
        let unknown = values.into_iter().flat_map(Map::keys).filter(|key| !known.contains(&key.as_str()));
        let unknown: Vec<String> = unknown.map(|key| format!("`{key}`")).collect();
        if !unknown.is_empty() {
            notices.remarks.push(format!("{place}ignored keys: {}", unknown.join(", ")));
        }
        Self { values, known, place }
    }

    /// A key's value, unless it is null.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        debug_assert!(self.known.contains(&key), "`{key}` is not among the known keys");
        self.values?.get(key).filter(|value| !value.is_null())
    }

    /// Text; blank text counts as missing.
    pub(super) fn text(&self, key: &str, notices: &mut Notices) -> Option<String> {
        let text = match self.value(key)? {
            Value::String(text) => text.clone(),
            plain @ (Value::Number(_) | Value::Bool(_)) => plain.to_string(),
            other => return self.ignored(key, other, "text", notices),
        };
        (!text.trim().is_empty()).then_some(text)
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &str, notices: &mut Notices) -> Option<bool> {
        let value = self.value(key)?;
        match plain(value).to_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            "" if value.is_string() => None,
            _ => self.ignored(key, value, "true or false", notices),
        }
    }

    /// A number.
    pub(super) fn number(&self, key: &str, notices: &mut Notices) -> Option<f64> {
        let value = self.value(key)?;
        let text = plain(value);
        if value.is_string() && text.is_empty() {
            return None;
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.or_else(|| self.ignored(key, value, "a number", notices))
    }

    /// A whole number.
    #[allow(clippy::cast_possible_truncation, reason = "the number is checked to be whole and within 53 bits first")]
    pub(super) fn whole(&self, key: &str, notices: &mut Notices) -> Option<i64> {
        let value = self.value(key)?;
        if let Ok(whole) = plain(value).parse() {
            return Some(whole);
        }
        let number = self.number(key, notices)?;
        if number.fract() == 0.0 && number.abs() < 9e15 {
            return Some(number as i64);
        }
        self.ignored(key, value, "a whole number", notices)
    }

    /// A list; a single value is a list of one.
    pub(super) fn list(&self, key: &str) -> Vec<&'a Value> {
        match self.value(key) {
            Some(Value::Array(items)) => items.iter().filter(|item| !item.is_null()).collect(),
            Some(Value::String(text)) if text.trim().is_empty() => Vec::new(),
            Some(other) => vec![other],
            None => Vec::new(),
        }
    }

    /// Reports that a value cannot be used, and leaves it out.
    pub(super) fn ignored<T>(&self, key: &str, value: &Value, expected: &str, notices: &mut Notices) -> Option<T> {
        let kind = super::values::type_of(value);
        let shown = if value.is_array() || value.is_object() { kind.into() } else { format!("{value}, {kind}") };
        let place = &self.place;
        notices.warnings.push(format!("{place}`{key}` is {shown}, but must be {expected}: it is ignored"));
        None
    }
}

/// A plain value as text, without quotes and surrounding blanks; empty for lists and objects.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}
