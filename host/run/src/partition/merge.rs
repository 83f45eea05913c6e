//! Merging the outputs of all parts into one table each, in the order of the parts. A part's script may have dropped
//! the field that the input was split by: it is restored as the first column.

use super::spool::Spool;
use crate::output::{Finished, Target, create};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::take::take;
use longshore_segment::{Matching, first_schema};
use longshore_table::Allowance;
use std::io::BufReader;
use std::sync::Arc;

/// Writes one output from those of the parts. Blocks.
pub(super) fn merge(
    index: u32,
    target: &Target,
    field: &Field,
    run_id: &str,
    allowance: &Allowance,
    spool: &Spool,
) -> Result<Option<Finished>, String> {
    let mut begun = None;
    let mut rows = 0;
    for part in spool.parts() {
        let in_part = |reason: String| format!("output {index} of partition {}: {reason}", part.part);
        let broken = |error: &dyn std::error::Error| in_part(format!("cannot read it back: {error}"));
        let file = spool.read(part).map_err(|error| broken(&error))?;
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(|error| broken(&error))?;
        let whole = restored_schema(&reader.schema(), field);
        if begun.is_none() {
            let schema = first_schema(&whole);
            let (sink, pending) = create(target, &schema, run_id, false).map_err(|error| in_part(error.to_string()))?;
            begun = Some((schema, sink.within(allowance), pending));
        }
        let Some((schema, sink, _)) = &mut begun else { continue };
        let matching = Matching::new(schema, &whole).map_err(&in_part)?;
        for batch in reader {
            let batch = restored(&whole, &batch.map_err(|error| broken(&error))?, &part.value);
            let batch = matching.apply(schema, &batch.map_err(|error| broken(&error))?).map_err(&in_part)?;
            rows += batch.num_rows() as u64;
            if batch.num_rows() > 0 {
                sink.write(&batch).map_err(|error| in_part(error.to_string()))?;
            }
        }
    }
    let Some((_, sink, pending)) = begun else { return Ok(None) };
    let notes = sink.notes();
    let bytes = sink.finish().map_err(|error| format!("output {index}: {error}"))?;
    Ok(Some(Finished {
        index,
        rows,
        bytes,
        notes,
        file: Some(pending),
        preview: None,
        changed: Vec::new(),
        spoiled: None,
    }))
}

fn restored_schema(schema: &SchemaRef, field: &Field) -> SchemaRef {
    if schema.index_of(field.name()).is_ok() {
        return Arc::clone(schema);
    }
    let field = Arc::new(field.clone().with_nullable(true));
    Arc::new(Schema::new(std::iter::once(field).chain(schema.fields().iter().cloned()).collect::<Vec<_>>()))
}

fn restored(
    schema: &SchemaRef,
    batch: &RecordBatch,
    value: &ArrayRef,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    if batch.num_columns() == schema.fields().len() {
        return Ok(batch.clone());
    }
    let first = take(value, &UInt32Array::from(vec![0; batch.num_rows()]), None)?;
    let columns = std::iter::once(first).chain(batch.columns().iter().cloned()).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
