//! What the values of a field have in common over all lines, and the plan of columns that follows from it.

use super::value::Value;
use crate::table::cell::Kind;
use crate::table::seen::Seen;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use std::collections::HashMap;
use std::sync::Arc;

/// Text that stands for a number that JSON has no digits for, as ProtoJSON writes it.
pub(super) fn word_of_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// What the values of one field, seen line by line, have in common.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The first value that is not null: what it was, and its line.
    first: Option<(&'static str, u64)>,
    booleans: bool,
    numbers: bool,
    /// Words such as `NaN`, which are numbers among numbers and text among text.
    words: bool,
    texts: bool,
    seen_numbers: Seen,
    seen_texts: Seen,
    items: Option<Box<Shape>>,
    fields: Option<Named>,
}

/// The fields of an object, in the order in which they were first seen.
#[derive(Debug, Default)]
struct Named {
    names: HashMap<String, usize>,
    shapes: Vec<(String, Shape)>,
}

impl Shape {
    /// Takes a row in, from a line.
    ///
    /// # Errors
    /// Which field is of two shapes.
    pub(super) fn note(&mut self, row: &Value<'_>, line: u64) -> Result<(), String> {
        self.add(row, line, &mut String::new())
    }

    fn add(&mut self, value: &Value<'_>, line: u64, path: &mut String) -> Result<(), String> {
        if *value == Value::Null {
            return Ok(());
        }
        let (scalars, lists, objects) = (self.has_scalars(), self.items.is_some(), self.fields.is_some());
        let other = match value {
            Value::List(_) => scalars || objects,
            Value::Object(_) => scalars || lists,
            _ => lists || objects,
        };
        if let (true, Some((noun, first))) = (other, self.first) {
            return Err(format!(
                "the field `{path}` is {} here, and {noun} in line {first}: give it one shape, or make text of it",
                value.noun()
            ));
        }
        self.first.get_or_insert((value.noun(), line));
        match value {
            Value::Null => {}
            Value::Boolean(_) => self.booleans = true,
            Value::Number(text) => {
                self.numbers = true;
                self.seen_numbers.note(text);
            }
            Value::Text(text) => {
                if word_of_number(text).is_some() {
                    self.words = true;
                } else {
                    self.texts = true;
                }
                // Empty text is text.
                if text.is_empty() { self.seen_texts.note_text() } else { self.seen_texts.note(text) }
            }
            Value::List(items) => {
                let shape = self.items.get_or_insert_default();
                let length = path.len();
                path.push_str("[]");
                for item in items {
                    shape.add(item, line, path)?;
                }
                path.truncate(length);
            }
            Value::Object(fields) => {
                let named = self.fields.get_or_insert_default();
                for (at, (name, value)) in fields.iter().enumerate() {
                    let length = path.len();
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    named.get(name, at).add(value, line, path)?;
                    path.truncate(length);
                }
            }
        }
        Ok(())
    }

    fn has_scalars(&self) -> bool {
        self.booleans || self.numbers || self.words || self.texts
    }

    /// The columns for these values.
    pub(super) fn plan(&self) -> Plan {
        if let Some(items) = &self.items {
            return Plan::List(Box::new(items.plan()));
        }
        if let Some(fields) = &self.fields {
            let fields = fields.shapes.iter().map(|(name, shape)| (name.clone(), shape.plan()));
            return Plan::Object(fields.collect());
        }
        if self.first.is_none() {
            // Nothing but nulls at the top: a table without rows.
            return Plan::Scalar(Kind::Nothing);
        }
        let numbers = self.seen_numbers.kind();
        Plan::Scalar(match (self.booleans, self.numbers, self.words, self.texts) {
            (true, false, false, false) => Kind::Boolean,
            (false, true, false, false) => numbers,
            // Whole numbers beside an infinity are decimals, if none of them is rounded.
            (false, true, true, false) if self.seen_numbers.fits_doubles() => Kind::Decimal,
            (false, false, _, true) => match self.seen_texts.kind() {
                kind @ (Kind::Date | Kind::Naive(_) | Kind::Zoned(_)) => kind,
                // Numbers in quotes are text: whoever quoted them meant it.
                _ => Kind::Text,
            },
            _ => Kind::Text,
        })
    }
}

impl Named {
    fn get(&mut self, name: &str, likely: usize) -> &mut Shape {
        // Most rows have their fields in the same order.
        let known = self.shapes.get(likely).is_some_and(|(known, _)| known == name).then_some(likely);
        let at = known.or_else(|| self.names.get(name).copied()).unwrap_or_else(|| {
            self.names.insert(name.to_owned(), self.shapes.len());
            self.shapes.push((name.to_owned(), Shape::default()));
            self.shapes.len() - 1
        });
        &mut self.shapes[at].1
    }
}

/// A column, or what columns are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    Scalar(Kind),
    List(Box<Plan>),
    Object(Vec<(String, Plan)>),
}

impl Plan {
    /// The fields of a row.
    pub(super) fn fields(&self) -> Fields {
        match self {
            Self::Object(fields) => fields.iter().map(|(name, plan)| plan.field(name)).collect(),
            _ => Fields::empty(),
        }
    }

    pub(super) fn field(&self, name: &str) -> FieldRef {
        Arc::new(Field::new(name, self.data_type(), true))
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Scalar(kind) => kind.data_type(),
            Self::List(items) => DataType::List(items.field("item")),
            Self::Object(_) => DataType::Struct(self.fields()),
        }
    }
}
