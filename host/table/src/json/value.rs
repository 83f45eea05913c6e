//! Parses one line's object without loss: numbers keep their text.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Maximum nesting of lists and objects; a deeper value cannot be a table.
const DEPTH_MAX: usize = 64;

/// Maximum number of values of a row: each takes 48 bytes while it is parsed, so that all take 400 MB; a row has at
/// most 64 MiB.
pub(super) const VALUES_MAX: usize = 8 << 20;

/// A value.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Boolean(bool),
    /// As written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Parses a line's object.
    pub(super) fn row(text: &'a str) -> Result<Self, String> {
        match text.as_bytes().first() {
            Some(b'{') => {}
            Some(b'[') => {
                return Err("it is a JSON array, but NDJSON has one object per line: `format=json` reads it".into());
            }
            _ => {
                // Invalid JSON is reported first.
                serde_json::from_str::<&RawValue>(text).map_err(|error| broken(text, &error))?;
                return Err("it is not a JSON object".into());
            }
        }
        let raw = serde_json::from_str(text).map_err(|error| broken(text, &error))?;
        Self::of(raw, DEPTH_MAX, &mut VALUES_MAX.clone())
    }

    /// Parses a value in such an object.
    pub(super) fn field(text: &'a str) -> Result<Self, String> {
        let raw = serde_json::from_str(text).map_err(|error| broken(text, &error))?;
        Self::of(raw, DEPTH_MAX - 1, &mut VALUES_MAX.clone())
    }

    fn of(raw: &'a RawValue, depth: usize, left: &mut usize) -> Result<Self, String> {
        let text = raw.get();
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(format!("its values are nested more than {DEPTH_MAX} deep"));
        };
        Ok(match text.as_bytes().first() {
            Some(b'"') => Self::Text(string(text)?),
            Some(b'[') => {
                let Items(items) = serde_json::from_str(text).map_err(|error| broken(text, &error))?;
                take(left, items.len())?;
                Self::List(items.into_iter().map(|item| Self::of(item, deeper, left)).collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let Fields(fields) = serde_json::from_str(text).map_err(|error| broken(text, &error))?;
                take(left, fields.len())?;
                let mut object = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    object.push((string(name.get())?, Self::of(value, deeper, left)?));
                }
                check_names(&object)?;
                Self::Object(object)
            }
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text),
        })
    }

    /// The names of its fields that are lists of objects.
    pub(super) fn lists_of_objects(&self) -> Vec<String> {
        let Self::Object(fields) = self else { return Vec::new() };
        let is_list = |value: &Self| matches!(value, Self::List(items) if !items.is_empty() && items.iter().all(|item| matches!(item, Self::Object(_))));
        fields.iter().filter(|(_, value)| is_list(value)).map(|(name, _)| name.clone().into_owned()).collect()
    }

    /// The value as a cell of text.
    pub(super) fn cell(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.json()),
        }
    }

    /// The value as JSON.
    pub(super) fn json(&self) -> String {
        let string = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => "null".into(),
            Self::Boolean(truth) => truth.to_string(),
            Self::Number(text) => (*text).to_owned(),
            Self::Text(text) => string(text),
            Self::List(items) => format!("[{}]", items.iter().map(Self::json).collect::<Vec<_>>().join(",")),
            Self::Object(fields) => {
                let field = |(name, value): &(Cow<'_, str>, Self)| format!("{}:{}", string(name), value.json());
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// A noun for the value's kind.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Subtracts a number of values from those that a row may still have.
fn take(left: &mut usize, values: usize) -> Result<(), String> {
    *left =
        left.checked_sub(values).ok_or_else(|| format!("it has more than {VALUES_MAX} values: turn them into rows"))?;
    Ok(())
}

/// Rejects a repeated name: one of its two values would be lost.
fn check_names(object: &[(Cow<'_, str>, Value<'_>)]) -> Result<(), String> {
    // Few names are compared faster than hashed.
    let twice = if object.len() < 16 {
        object.iter().enumerate().find(|(at, (name, _))| object[..*at].iter().any(|(other, _)| other == name))
    } else {
        let mut seen = std::collections::HashSet::with_capacity(object.len());
        object.iter().enumerate().find(|(_, (name, _))| !seen.insert(name))
    };
    twice.map_or(Ok(()), |(_, (name, _))| Err(format!("the field `{name}` occurs twice in one object")))
}

fn string(text: &str) -> Result<Cow<'_, str>, String> {
    // Most texts have no escapes: they are the content of the quotes.
    match text.get(1..text.len() - 1) {
        Some(inner) if !inner.as_bytes().contains(&b'\\') => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str(text).map(Cow::Owned).map_err(|error| broken(text, &error)),
    }
}

/// The JSON reader's message, without its own line number.
fn broken(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "its object continues on the next line, or is cut short: NDJSON has one object per line; `format=json` \
                reads objects that span lines".into();
    }
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    if words.contains("surrogate") || words.contains("escape") {
        return format!("a text in it is not valid Unicode: {words}: {}", text.chars().take(40).collect::<String>());
    }
    format!("it is not valid JSON: {words} (column {})", error.column())
}

/// The values of a list; those beyond the first one over the limit are left out.
struct Items<'a>(Vec<&'a RawValue>);

/// The names and values of an object; those beyond the first one over the limit are left out.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() <= VALUES_MAX {
                        items.push(item);
                    }
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if fields.len() <= VALUES_MAX {
                        fields.push(entry);
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
