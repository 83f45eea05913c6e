//! A table as R vectors: its columns, their names, the number of rows, and warnings. `forms.rs` decides which vector a
//! column becomes.

use crate::failure::Failure;
use crate::forms::Form;
use crate::how::How;
use crate::refusal::{Note, Refusal};
use crate::vectors::{characters, doubles, list};
use arrow_array::{Array, RecordBatch, new_empty_array};
use arrow_schema::SchemaRef;
use extendr_api::prelude::*;

/// A table as a list of its columns, their names, the number of rows, and warnings with their columns.
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
