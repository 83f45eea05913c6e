//! Fields whose types the user sets. Their values are read like cells of text, whatever their JSON type: a number as
//! text, text as a number or a date, an object as its JSON.

use super::shape::Plan;
use super::value::Value;
use crate::bad_rows::Rules;
use crate::contract::{OTHERS, not_among};
use crate::error::TableError;
use crate::text_looks::{Looked, looked_as, verdicts};
use longshore_model::table::{BadRows, ReadOptions};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Such fields of the rows read so far.
pub(super) struct Told<'a> {
    options: &'a ReadOptions,
    rules: Rules,
    places: HashMap<String, usize>,
    columns: Vec<Looked>,
}

impl<'a> Told<'a> {
    pub(super) fn new(options: &'a ReadOptions, rules: Rules) -> Self {
        Self { options, rules, places: HashMap::new(), columns: Vec::new() }
    }

    /// Takes the values of such fields out of a row.
    ///
    /// # Errors
    /// If a value does not have the type of its field.
    pub(super) fn take(&mut self, path: &Path, line: u64, row: &mut Value<'_>) -> Result<(), TableError> {
        let types = &self.options.types;
        let (Value::Object(fields), false) = (row, types.is_empty()) else { return Ok(()) };
        for (name, value) in fields {
            if !types.contains_key(name.as_ref()) && !types.contains_key(OTHERS) {
                continue;
            }
            let place = match self.places.get(name.as_ref()) {
                Some(place) => *place,
                None => {
                    let place = self.columns.len();
                    self.places.insert(name.clone().into_owned(), place);
                    self.columns.push(looked_as(self.options, name, place));
                    place
                }
            };
            if *value == Value::Null {
                continue;
            }
            let cell = value.cell();
            let cell = Some((cell.as_bytes(), true));
            let column = &mut self.columns[place];
            if self.rules.bad != BadRows::Fail {
                column.check(path, line, cell)?;
            }
            column.note(path, line, cell)?;
            *value = Value::Null;
        }
        Ok(())
    }

    /// Adds the types of these fields to the plan.
    ///
    /// # Errors
    /// If a field with a type does not exist, or has values that are not of the type.
    pub(super) fn plan(self, path: &Path, plan: Plan) -> Result<Plan, TableError> {
        let Plan::Object(mut fields) = plan else { return Ok(plan) };
        let names = || fields.iter().map(|(name, _)| name.as_str());
        let lacking = self.options.types.keys().find(|name| *name != OTHERS && !names().any(|known| known == *name));
        if let Some(name) = lacking {
            let reason = not_among(name, names());
            return Err(TableError::Unreadable { path: path.to_owned(), reason });
        }
        let verdicts = verdicts(path, &self.columns)?;
        for (name, plan) in &mut fields {
            if let Some(place) = self.places.get(name) {
                let words = Arc::clone(&self.columns[*place].hints.words);
                *plan = Plan::Told(Box::new((verdicts[*place].clone(), words)));
            }
        }
        Ok(Plan::Object(fields))
    }
}
