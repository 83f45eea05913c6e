//! A table as R vectors: its columns, their names, the number of rows, and warnings. Owns what is asked of a read and the
//! words of its errors; which vector a column becomes is the forms'.

use crate::failure::Failure;
use crate::forms::Form;
use crate::vectors::{characters, doubles, list};
use arrow_array::{Array, RecordBatch, new_empty_array};
use arrow_schema::{Field, SchemaRef};
use extendr_api::prelude::*;

/// How columns are made.
#[derive(Debug, Clone)]
pub(crate) struct How {
    /// Whether columns may be views.
    pub(crate) lazy: bool,
    /// Whether integers beyond 2^53 may be those of the package bit64.
    pub(crate) bit64: bool,
    /// The folder of the time zones that R knows.
    pub(crate) zones: String,
}

impl How {
    /// From R's list of the three.
    pub(crate) fn new(list: &List) -> Self {
        let part = |index| list.elt(index).unwrap_or_default();
        Self {
            lazy: part(0).as_bool().unwrap_or(true),
            bit64: part(1).as_bool().unwrap_or(false),
            zones: part(2).as_str().unwrap_or_default().to_owned(),
        }
    }
}

/// Why R has no vector for an array.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The first value that is refused; none where the type is.
    row: Option<usize>,
    /// What is counted: rows, or a factor's levels.
    counted: &'static str,
    pub(crate) why: String,
}

impl Refusal {
    /// One of a value.
    pub(crate) fn at(row: usize, why: impl Into<String>) -> Self {
        Self { row: Some(row), counted: "row", why: why.into() }
    }

    /// One of a type.
    pub(crate) fn whole(why: impl Into<String>) -> Self {
        Self { row: None, counted: "row", why: why.into() }
    }

    /// One of a factor's level.
    pub(crate) fn at_level(level: usize, why: impl Into<String>) -> Self {
        Self { row: Some(level), counted: "level", why: why.into() }
    }

    /// One of the row around a value.
    pub(crate) fn in_row(self, row_of: impl Fn(usize) -> usize) -> Self {
        let row = if self.counted == "row" { self.row.map(row_of) } else { self.row };
        Self { row, ..self }
    }

    /// As a failure of a column.
    pub(crate) fn of(self, column: &str) -> Failure {
        Failure::data(match self.row {
            Some(row) => format!("column `{column}`, {} {}: {}", self.counted, row + 1, self.why),
            None => format!("column `{column}`: {}", self.why),
        })
    }
}

/// A column that is read in another form than the usual one, with the first value that needs it, if it is for a value.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) row: Option<usize>,
    pub(crate) why: String,
}

/// A table as a list of its columns, their names, the number of rows, and warnings with the columns that they are of.
pub(crate) fn table(schema: &SchemaRef, batches: &[RecordBatch], how: &How) -> Result<Robj, Failure> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    let mut warnings = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let whole = match batches {
            [] => new_empty_array(field.data_type()),
            [one] => one.column(index).clone(),
            many => {
                let pieces: Vec<&dyn Array> = many.iter().map(|batch| batch.column(index).as_ref()).collect();
                arrow_select::concat::concat(&pieces)
                    .map_err(|error| Refusal::whole(error.to_string()).of(field.name()))?
            }
        };
        let mut notes = Vec::new();
        let form = Form::new(field, &whole, how, &mut notes).map_err(|refusal| refusal.of(field.name()))?;
        columns.push(form.column(how.lazy)?);
        warnings.extend(notes.into_iter().map(|note| (index, note)));
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if let Some(name) = names.iter().find(|name| name.contains('\0')) {
        return Err(Failure::data(format!(
            "the column name {name:?} has a NUL character, which R's strings cannot hold"
        )));
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    #[allow(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
    let rows = doubles(1, |_| rows as f64)?;
    let (of, texts): (Vec<&str>, Vec<String>) =
        warnings.iter().map(|(index, note)| warning(names[*index], note)).unzip();
    list(&[
        list(&columns)?,
        characters(names.len(), |index| names.get(index).copied())?,
        rows,
        characters(of.len(), |index| of.get(index).copied())?,
        characters(texts.len(), |index| texts.get(index).map(String::as_str))?,
    ])
}

fn warning<'a>(name: &'a str, note: &Note) -> (&'a str, String) {
    let row = note.row.map_or(String::new(), |row| format!(", row {}", row + 1));
    (name, format!("column `{name}`{row}: {}", note.why))
}

/// The name of an extension type, if the field has one.
pub(crate) fn extension(field: &Field) -> Option<&str> {
    field.metadata().get("ARROW:extension:name").map(String::as_str)
}
