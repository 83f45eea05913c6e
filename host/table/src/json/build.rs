//! Builds columns from the values of lines, by the plan of the first pass.

use super::shape::{Plan, word_of_number};
use super::value::{VALUES_MAX, Value};
use crate::bad_rows::Later;
use crate::cell::Kind;
use crate::text_columns::Column;
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{FieldRef, Fields};
use longshore_model::table::LaterFields;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The path of a field, starting at the row.
pub(super) struct Place<'a> {
    pub(super) outer: Option<&'a Place<'a>>,
    pub(super) name: &'a str,
}

impl Place<'_> {
    /// The row itself.
    pub(super) const ROW: Self = Place { outer: None, name: "" };
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outer {
            Some(outer) if outer.outer.is_some() => write!(f, "{outer}.{}", self.name),
            _ => f.write_str(self.name),
        }
    }
}

/// The result of adding a row.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    /// The rule for fields that are not in the plan.
    pub(super) rule: LaterFields,
    /// Such fields of the row, if the rule allows them.
    pub(super) found: Vec<Later>,
    /// Values that it took in all columns, including missing ones: each object in a list may lack all fields but one.
    pub(super) values: usize,
}

impl Pushed {
    fn take(&mut self, place: &Place<'_>, value: &Value<'_>) -> Result<(), String> {
        if self.rule == LaterFields::Fail {
            return Err(format!(
                "the field `{place}` is not in the first rows: give every field in one of them, or set `later=keep` to \
                 keep it as JSON, or `later=ignore`"
            ));
        }
        self.found.push((place.to_string(), value.json()));
        Ok(())
    }
}

/// A column being built.
#[derive(Debug)]
pub(super) enum Builder {
    Scalar {
        kind: Kind,
        column: Column,
        /// Whether the user sets its type: its values are read as cells of text.
        told: bool,
    },
    List {
        field: FieldRef,
        offsets: Vec<i32>,
        valid: NullBufferBuilder,
        items: Box<Builder>,
        length: i32,
    },
    Object {
        types: Fields,
        names: HashMap<String, usize>,
        fields: Vec<Builder>,
        filled: Vec<bool>,
        /// Values that a missing object takes.
        width: usize,
        valid: NullBufferBuilder,
    },
}

impl Builder {
    pub(super) fn new(plan: &Plan) -> Self {
        match plan {
            Plan::Scalar(kind) => Self::Scalar { kind: *kind, column: Column::new(*kind), told: false },
            Plan::Told(told) => {
                let (verdict, words) = told.as_ref();
                let column = Column::written(verdict.kind, verdict.style.clone(), Arc::clone(words));
                Self::Scalar { kind: verdict.kind, column, told: true }
            }
            Plan::List(items) => Self::List {
                field: items.field("item"),
                offsets: vec![0],
                valid: NullBufferBuilder::new(0),
                items: Box::new(Self::new(items)),
                length: 0,
            },
            Plan::Object(fields) => Self::Object {
                types: plan.fields(),
                names: fields.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect(),
                fields: fields.iter().map(|(_, plan)| Self::new(plan)).collect(),
                filled: vec![false; fields.len()],
                width: plan.width(),
                valid: NullBufferBuilder::new(0),
            },
        }
    }

    /// Adds a value of the field at `place`, or a missing value if it is wrong.
    ///
    /// # Errors
    /// If the value does not fit the plan.
    pub(super) fn push(&mut self, value: &Value<'_>, place: &Place<'_>) -> Result<(), String> {
        self.push_with(value, place, &mut Pushed::default())
    }

    /// The same, with the result for the row.
    pub(super) fn push_with(&mut self, value: &Value<'_>, place: &Place<'_>, row: &mut Pushed) -> Result<(), String> {
        if *value == Value::Null {
            row.values += self.width();
            self.push_null();
            return Ok(());
        }
        row.values += 1;
        match (self, value) {
            (Self::Scalar { kind, column, told }, value) => {
                if if *told { column.push(&value.cell(), true) } else { scalar(*kind, column, value) } {
                    return Ok(());
                }
                column.push_null();
                let (shown, noun) = (shown(value), kind.noun());
                Err(format!(
                    "column `{place}` has {shown}, which does not match its first rows ({noun}): use one kind of value \
                     in the whole column"
                ))
            }
            (Self::List { offsets, valid, items, length, .. }, Value::List(values)) => {
                let mut pushed = Ok(());
                for value in values {
                    let more = length.checked_add(1).ok_or("lists of more than 2^31 values")?;
                    pushed = items.push_with(value, place, row);
                    if row.values > VALUES_MAX {
                        pushed = Err(format!("its lists take more than {VALUES_MAX} values"));
                    }
                    *length = more;
                    if pushed.is_err() {
                        break;
                    }
                }
                offsets.push(*length);
                valid.append(pushed.is_ok());
                pushed
            }
            (Self::Object { names, fields, filled, valid, types, .. }, Value::Object(values)) => {
                filled.fill(false);
                let mut pushed = Ok(());
                for (at, (name, value)) in values.iter().enumerate() {
                    let place = Place { outer: Some(place), name };
                    // Most rows have their fields in the same order.
                    let likely = types.get(at).is_some_and(|field| field.name() == name).then_some(at);
                    let Some(at) = likely.or_else(|| names.get(name.as_ref()).copied()) else {
                        pushed = pushed.and(row.take(&place, value));
                        continue;
                    };
                    pushed = pushed.and(fields[at].push_with(value, &place, row));
                    filled[at] = true;
                }
                let left_out = fields.iter_mut().zip(filled).filter(|(_, filled)| !**filled);
                left_out.for_each(|(field, _)| {
                    row.values += field.width();
                    field.push_null();
                });
                valid.append(pushed.is_ok());
                pushed
            }
            (builder, other) => {
                let before = if matches!(builder, Self::List { .. }) { "lists" } else { "objects" };
                builder.push_null();
                Err(format!("column `{place}` has {}, but had {before} before", other.noun()))
            }
        }
    }

    /// Values that a missing value takes in all of its columns.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Object { width, .. } => *width,
            Self::Scalar { .. } | Self::List { .. } => 1,
        }
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Self::Scalar { column, .. } => column.push_null(),
            Self::List { offsets, valid, length, .. } => {
                offsets.push(*length);
                valid.append_null();
            }
            Self::Object { fields, valid, .. } => {
                fields.iter_mut().for_each(Self::push_null);
                valid.append_null();
            }
        }
    }

    /// The finished columns of the rows; the builder is empty again.
    pub(super) fn finish_fields(&mut self) -> Vec<ArrayRef> {
        match self {
            Self::Object { fields, valid, .. } => {
                valid.finish();
                fields.iter_mut().map(Self::finish).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The finished column; the builder is empty again.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Scalar { column, .. } => column.finish(),
            Self::List { field, offsets, valid, items, length } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![0])));
                *length = 0;
                Arc::new(ListArray::new(Arc::clone(field), offsets, items.finish(), valid.finish()))
            }
            Self::Object { types, fields, valid, .. } => {
                let length = valid.len();
                let parts = fields.iter_mut().map(Self::finish).collect();
                // Built from the same plan, so its parts have the same length.
                let made = StructArray::try_new_with_length(types.clone(), parts, valid.finish(), length);
                Arc::new(made.expect("every push adds one value to each part"))
            }
        }
    }
}

/// Adds a value that is not null to a column of a kind. Returns `false` if it does not fit.
pub(super) fn scalar(kind: Kind, column: &mut Column, value: &Value<'_>) -> bool {
    match (kind, value) {
        (Kind::Text | Kind::Nothing, Value::Text(text)) => column.push(text, true),
        (Kind::Text | Kind::Nothing, Value::Number(text)) => column.push(text, true),
        (Kind::Text | Kind::Nothing, Value::Boolean(value)) => column.push(if *value { "true" } else { "false" }, true),
        (Kind::Boolean, Value::Boolean(value)) => column.push(if *value { "true" } else { "false" }, false),
        (Kind::Integer | Kind::Decimal, Value::Number(text)) => column.push(text, false),
        (Kind::Decimal, Value::Text(text)) => word_of_number(text).is_some_and(|number| column.push_number(number)),
        (Kind::Date | Kind::Naive(_) | Kind::Zoned(_), Value::Text(text)) => {
            !text.is_empty() && column.push(text, false)
        }
        _ => false,
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Number(text) => format!("`{text}`"),
        Value::Text(text) => format!("`{text}`"),
        other => other.noun().to_owned(),
    }
}
