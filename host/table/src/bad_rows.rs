//! Bad rows in a table that continues after them, by the options: they are left out, or kept as text, and counted.
//! Fields that a stream's first rows do not have are ignored, or kept as JSON, by the options.

use super::column_names::numbered;
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use longshore_model::table::{BadRows, LaterFields, ReadOptions};
use std::sync::{Arc, Mutex, PoisonError};

/// The column of rows that were wrong.
const BAD_ROW: &str = "bad_row";

/// The column of fields that are not in the first rows.
const LATER: &str = "later_fields";

/// Characters of a reason that a note shows.
const SHOWN: usize = 200;

/// The user's rules for bad rows and later fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rules {
    pub(super) bad: BadRows,
    pub(super) later: LaterFields,
}

impl Rules {
    /// The rules in the options. Only the fields of a stream are not known in advance.
    pub(super) fn of(options: &ReadOptions, is_stream: bool) -> Self {
        let later = if is_stream { options.later.unwrap_or_default() } else { LaterFields::default() };
        Self { bad: options.bad_rows.unwrap_or_default(), later }
    }

    /// Whether the first bad row ends the reading, as by default.
    pub(super) fn is_strict(self) -> bool {
        self == Self::default()
    }

    /// The table's columns, with those that these rules add.
    pub(super) fn columns(self, schema: &SchemaRef) -> SchemaRef {
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        let added = [(self.later == LaterFields::Keep, LATER), (self.bad == BadRows::Keep, BAD_ROW)];
        for (_, name) in added.into_iter().filter(|(is_added, _)| *is_added) {
            let name = numbered(name, |name| fields.iter().any(|field| field.name() == name));
            fields.push(Arc::new(Field::new(name, DataType::Utf8, true)));
        }
        Arc::new(Schema::new(fields))
    }
}

/// The numbers of bad rows and later fields, reported after the last row.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    skipped: u64,
    kept: u64,
    /// The line of the first bad row, and the reason.
    first: Option<(u64, String)>,
    later: u64,
    first_later: Option<(u64, String)>,
}

impl Tally {
    /// The numbers as notes.
    pub fn notes(&self) -> Vec<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = |count: u64| if count == 1 { "1 row was".into() } else { format!("{count} rows were") };
        let mut notes = Vec::new();
        if let Some((line, reason)) = &counts.first {
            let (count, what) = match counts.kept {
                0 => (counts.skipped, "left out"),
                kept => (kept, "kept as text"),
            };
            let reason: String = reason.chars().take(SHOWN).collect();
            notes.push(format!("{} wrong and {what}, the first in line {line}: {reason}", rows(count)));
        }
        if let Some((line, name)) = &counts.first_later {
            let rows = if counts.later == 1 { "1 row has".into() } else { format!("{} rows have", counts.later) };
            notes.push(format!("{rows} fields that the first rows do not have, the first `{name}` in line {line}"));
        }
        notes
    }

    pub(super) fn bad(&self, rule: BadRows, line: u64, reason: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rule {
            BadRows::Keep => counts.kept += 1,
            BadRows::Fail | BadRows::Skip => counts.skipped += 1,
        }
        counts.first.get_or_insert_with(|| (line, reason.to_owned()));
    }

    fn later(&self, line: u64, name: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.later += 1;
        counts.first_later.get_or_insert_with(|| (line, name.to_owned()));
    }
}

/// A field that is not in the first rows: its name, and its value as JSON.
pub(super) type Later = (String, String);

/// The rows of a batch: whether each is good, and the kept texts and fields.
#[derive(Debug)]
pub(super) struct Marked {
    rules: Rules,
    tally: Tally,
    good: Vec<bool>,
    texts: StringBuilder,
    later: StringBuilder,
}

impl Marked {
    /// `None` if the first bad row ends the reading.
    pub(super) fn new(rules: Rules, tally: &Tally) -> Option<Self> {
        let marked = Self {
            rules,
            tally: tally.clone(),
            good: Vec::new(),
            texts: StringBuilder::new(),
            later: StringBuilder::new(),
        };
        (!rules.is_strict()).then_some(marked)
    }

    /// Whether the table continues after a bad row.
    pub(super) fn takes_bad(&self) -> bool {
        self.rules.bad != BadRows::Fail
    }

    /// Adds a valid row.
    pub(super) fn good(&mut self, line: u64, later: Vec<Later>) {
        self.good.push(true);
        self.texts.append_null();
        match later.first() {
            None => self.later.append_null(),
            Some((name, _)) => {
                self.tally.later(line, name);
                self.later.append_value(as_object(&later));
            }
        }
    }

    /// Adds a bad row, for which the columns hold missing or other values.
    pub(super) fn bad(&mut self, line: u64, reason: &str, text: &str) {
        self.tally.bad(self.rules.bad, line, reason);
        self.good.push(false);
        self.texts.append_value(text);
        self.later.append_null();
    }

    /// The batch of the columns' values, with the columns that these rules add, without rows that they leave out.
    pub(super) fn finish(&mut self, schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let good = std::mem::take(&mut self.good);
        let (texts, later) = (self.texts.finish(), self.later.finish());
        let bad = BooleanArray::from(good.iter().map(|good| !good).collect::<Vec<_>>());
        let any = good.contains(&false);
        let mut columns = if any && self.rules.bad == BadRows::Keep {
            columns.iter().map(|column| arrow_select::nullif::nullif(column, &bad)).collect::<Result<Vec<_>, _>>()?
        } else {
            columns
        };
        if self.rules.later == LaterFields::Keep {
            columns.push(Arc::new(later));
        }
        if self.rules.bad == BadRows::Keep {
            columns.push(Arc::new(texts));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(good.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
        if any && self.rules.bad == BadRows::Skip {
            return arrow_select::filter::filter_record_batch(&batch, &BooleanArray::from(good));
        }
        Ok(batch)
    }
}

/// Fields as one JSON object; a field that occurs several times, in a list of objects, has all its values.
fn as_object(fields: &[Later]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in fields {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let field = |name: &&str| {
        let values: Vec<&str> =
            fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect();
        let value = if let [one] = values.as_slice() { (*one).to_owned() } else { format!("[{}]", values.join(",")) };
        format!("{}:{value}", serde_json::Value::from(*name))
    };
    format!("{{{}}}", names.iter().map(field).collect::<Vec<_>>().join(","))
}
