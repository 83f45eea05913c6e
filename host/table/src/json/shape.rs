//! The common properties of a field's values over all lines, and the plan of columns that follows from them.

use super::value::Value;
use crate::COLUMNS_MAX;
use crate::cell::{Kind, Words};
use crate::seen::Seen;
use crate::verdict::Verdict;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use std::collections::HashMap;
use std::sync::Arc;

/// The number that a text represents because JSON has no digits for it, in the form of ProtoJSON.
pub(super) fn word_of_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The common properties of the values of one field, seen line by line.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// The first value that is not null: its kind, and its line.
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
#[derive(Debug, Clone, Default)]
struct Named {
    names: HashMap<String, usize>,
    shapes: Vec<(String, Shape)>,
}

impl Shape {
    /// Adds a row, from a line. `left` decreases with each new field.
    ///
    /// # Errors
    /// If a field has two shapes, or exceeds the limit of fields.
    pub(super) fn note(&mut self, row: &Value<'_>, line: u64, left: &mut usize) -> Result<(), String> {
        self.add(row, line, &mut Way { path: String::new(), left })
    }

    fn add(&mut self, value: &Value<'_>, line: u64, way: &mut Way<'_>) -> Result<(), String> {
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
                "the field `{}` is {} here, and {noun} in line {first}: use one type, or convert it to text",
                way.path,
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
                let length = way.path.len();
                way.path.push_str("[]");
                for item in items {
                    shape.add(item, line, way)?;
                }
                way.path.truncate(length);
            }
            Value::Object(fields) => {
                let named = self.fields.get_or_insert_default();
                for (at, (name, value)) in fields.iter().enumerate() {
                    let length = way.path.len();
                    if length > 0 {
                        way.path.push('.');
                    }
                    way.path.push_str(name);
                    let known = named.shapes.len();
                    let shape = named.get(name, at);
                    if named.shapes.len() > known {
                        *way.left = way.left.checked_sub(1).ok_or_else(|| too_many(&way.path))?;
                    }
                    named.shapes[shape].1.add(value, line, way)?;
                    way.path.truncate(length);
                }
            }
        }
        Ok(())
    }

    /// Adds the observations of a worker that continued from this state. Returns `false` if the shapes differ.
    pub(super) fn join(&mut self, later: &Self) -> bool {
        self.first = self.first.or(later.first);
        self.booleans |= later.booleans;
        self.numbers |= later.numbers;
        self.words |= later.words;
        self.texts |= later.texts;
        self.seen_numbers.join(&later.seen_numbers);
        self.seen_texts.join(&later.seen_texts);
        let mut fits = true;
        if let Some(later) = &later.items {
            fits &= self.items.get_or_insert_default().join(later);
        }
        if let Some(later) = &later.fields {
            let named = self.fields.get_or_insert_default();
            for (at, (name, shape)) in later.shapes.iter().enumerate() {
                let at = named.get(name, at);
                fits &= named.shapes[at].1.join(shape);
            }
        }
        fits && [self.has_scalars(), self.items.is_some(), self.fields.is_some()].iter().filter(|has| **has).count()
            <= 1
    }

    /// One of its fields.
    pub(super) fn field(&mut self, name: &str) -> Option<&mut Self> {
        let named = self.fields.as_mut()?;
        let at = *named.names.get(name)?;
        Some(&mut named.shapes[at].1)
    }

    /// One of its fields, read-only.
    pub(super) fn known(&self, name: &str) -> Option<&Self> {
        let named = self.fields.as_ref()?;
        Some(&named.shapes[*named.names.get(name)?].1)
    }

    /// Adds a value of this field, from a line whose number does not matter.
    ///
    /// # Errors
    /// As [`Shape::note`].
    pub(super) fn note_field(&mut self, value: &Value<'_>, left: &mut usize) -> Result<(), String> {
        self.add(value, 0, &mut Way { path: String::new(), left })
    }

    /// The number of its fields, including nested ones.
    pub(super) fn fields(&self) -> usize {
        let items = self.items.iter().map(|items| items.fields());
        let fields = self.fields.iter().flat_map(|named| &named.shapes).map(|(_, shape)| 1 + shape.fields());
        items.chain(fields).sum()
    }

    /// Whether plain values of a kind would add no information.
    pub(super) fn knows(&self, kind: Kind) -> bool {
        match kind {
            Kind::Integer | Kind::Decimal => self.seen_numbers.knows(kind),
            _ => self.seen_texts.knows(kind),
        }
    }

    /// Whether a value of this kind adds no information, whatever it is.
    pub(super) fn is_settled(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Boolean(_) => self.booleans,
            Value::Text(_) => self.texts && self.seen_texts.is_plainly_text(),
            _ => false,
        }
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
            // Only nulls at the top: a table without rows.
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
                // Numbers in quotes are text: the quotes are deliberate.
                _ => Kind::Text,
            },
            _ => Kind::Text,
        })
    }
}

/// The path of a value, and the number of fields that may still be added.
struct Way<'a> {
    path: String,
    left: &'a mut usize,
}

fn too_many(path: &str) -> String {
    format!("the field `{path}` exceeds the limit of {COLUMNS_MAX} columns: turn names that are data into rows")
}

impl Named {
    /// The position of a field, which may be new.
    fn get(&mut self, name: &str, likely: usize) -> usize {
        // Most rows have their fields in the same order.
        let known = self.shapes.get(likely).is_some_and(|(known, _)| known == name).then_some(likely);
        known.or_else(|| self.names.get(name).copied()).unwrap_or_else(|| {
            self.names.insert(name.to_owned(), self.shapes.len());
            self.shapes.push((name.to_owned(), Shape::default()));
            self.shapes.len() - 1
        })
    }
}

/// A column, or a nested column with the plans of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    Scalar(Kind),
    List(Box<Plan>),
    Object(Vec<(String, Plan)>),
    /// The type that the user sets, and the words for its values.
    Told(Box<(Verdict, Arc<Words>)>),
}

impl Plan {
    /// Values that a missing value takes in all of its columns.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::Told(_) | Self::List(_) => 1,
            Self::Object(fields) => 1 + fields.iter().map(|(_, plan)| plan.width()).sum::<usize>(),
        }
    }

    /// The number of its fields, including nested ones and those in lists.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::Told(_) => 0,
            Self::List(items) => items.count(),
            Self::Object(fields) => fields.iter().map(|(_, plan)| 1 + plan.count()).sum(),
        }
    }

    /// The plan of one of the fields.
    pub(super) fn field_plan(&self, field: usize) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(field).map(|(_, plan)| plan),
            _ => None,
        }
    }

    /// Whether columns made by another plan are the same as by this one.
    pub(super) fn is_made_as(&self, other: &Self) -> bool {
        let is_text = |kind: &Kind| matches!(kind, Kind::Nothing | Kind::Text);
        match (self, other) {
            (Self::Scalar(one), Self::Scalar(other)) => one == other || is_text(one) && is_text(other),
            (Self::List(one), Self::List(other)) => one.is_made_as(other),
            (Self::Object(one), Self::Object(other)) => {
                let same = |((name, plan), (known, other)): (&(String, Self), &(String, Self))| {
                    name == known && plan.is_made_as(other)
                };
                one.len() == other.len() && one.iter().zip(other).all(same)
            }
            _ => false,
        }
    }

    /// The fields of a row.
    pub(super) fn fields(&self) -> Fields {
        match self {
            Self::Object(fields) => fields.iter().map(|(name, plan)| plan.field(name)).collect(),
            _ => Fields::empty(),
        }
    }

    /// Whether a field of a row has only nulls.
    pub(super) fn has_no_value(&self, index: usize) -> bool {
        matches!(self, Self::Object(fields) if matches!(fields.get(index), Some((_, Self::Scalar(Kind::Nothing)))))
    }

    pub(super) fn field(&self, name: &str) -> FieldRef {
        Arc::new(Field::new(name, self.data_type(), true))
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Scalar(kind) => kind.data_type(),
            Self::Told(told) => told.0.kind.data_type(),
            Self::List(items) => DataType::List(items.field("item")),
            Self::Object(_) => DataType::Struct(self.fields()),
        }
    }
}
