//! Appending: what a later table of an output must be like. The first fixes names and types; later columns are
//! matched by name and converted where nothing is lost. The host holds the outputs of runs to it, the client those of
//! dry runs.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The columns of an output, by its first table. A column that holds nothing yet is text.
#[must_use]
pub fn first_schema(schema: &Schema) -> SchemaRef {
    let typed = |field: &Arc<Field>| match field.data_type() {
        DataType::Null => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8).with_nullable(true)),
        // Later tables may have nulls where this one has none.
        _ => Arc::new(field.as_ref().clone().with_nullable(true)),
    };
    Arc::new(Schema::new_with_metadata(
        schema.fields().iter().map(typed).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

/// For each column of the output, which column of a later table it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching(Vec<usize>);

impl Matching {
    /// Matches a table's columns to an output's.
    ///
    /// # Errors
    /// Which columns are missing and which are new.
    pub fn new(output: &Schema, table: &Schema) -> Result<Self, String> {
        let same = |(a, b): (&Arc<Field>, &Arc<Field>)| a.name() == b.name();
        if output.fields().len() == table.fields().len() && output.fields().iter().zip(table.fields()).all(same) {
            return Ok(Self((0..output.fields().len()).collect()));
        }
        let missing: Vec<_> = output.fields().iter().filter(|field| table.index_of(field.name()).is_err()).collect();
        let extra: Vec<_> = table.fields().iter().filter(|field| output.index_of(field.name()).is_err()).collect();
        if missing.is_empty() && extra.is_empty() {
            let indexes = output.fields().iter().map(|field| table.index_of(field.name()));
            return indexes.collect::<Result<_, _>>().map(Self).map_err(|error| error.to_string());
        }
        let names = |fields: &[&Arc<Field>]| {
            fields.iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
        };
        let mut reason = "its columns differ from those written before:".to_owned();
        if !missing.is_empty() {
            reason.push_str(&format!(" {} missing", names(&missing)));
        }
        if !extra.is_empty() {
            let comma = if missing.is_empty() { "" } else { "," };
            reason.push_str(&format!("{comma} {} new", names(&extra)));
        }
        Err(reason)
    }

    /// Brings a batch into the output's order and types.
    ///
    /// # Errors
    /// Which column does not fit, and both types.
    pub fn apply(&self, output: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let columns = self.0.iter().zip(output.fields()).map(|(index, field)| convert(batch.column(*index), field));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new_with_options(Arc::clone(output), columns, &options).map_err(|error| error.to_string())
    }
}

fn convert(column: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    let (from, to) = (column.data_type(), field.data_type());
    if from == to {
        return Ok(Arc::clone(column));
    }
    if *from == DataType::Null {
        return Ok(new_null_array(to, column.len()));
    }
    let lossy = || {
        format!(
            "column `{}` is {from}, but was {to} in what was written before, and not every value fits",
            field.name()
        )
    };
    if !can_cast_types(from, to) || !can_cast_types(to, from) {
        return Err(lossy());
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(column, to, &strict).map_err(|_| lossy())?;
    // Not every lossy cast fails: 1.5 becomes 1. What comes back must be what went in.
    let back = cast_with_options(&cast, from, &strict).map_err(|_| lossy())?;
    if &back == column { Ok(cast) } else { Err(lossy()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int64Array, StringArray};

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn columns_are_matched_by_name_and_converted_without_loss() {
        let integers = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
        let text = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
        let first = batch(vec![("n", integers()), ("t", text())]);
        let output = first_schema(&first.schema());
        let decimals = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let second = batch(vec![("t", text()), ("n", decimals(vec![3.0, 4.0]))]);
        let matching = Matching::new(&output, &second.schema()).unwrap();
        let converted = matching.apply(&output, &second).unwrap();
        assert_eq!(converted.column(0).as_ref(), &Int64Array::from(vec![3, 4]));
        let lossy = batch(vec![("t", text()), ("n", decimals(vec![3.5, 4.0]))]);
        assert_eq!(
            matching.apply(&output, &lossy).unwrap_err(),
            "column `n` is Float64, but was Int64 in what was written before, and not every value fits"
        );
    }

    #[test]
    fn different_columns_are_named() {
        let integers = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let output = first_schema(&batch(vec![("a", integers()), ("b", integers())]).schema());
        let table = batch(vec![("a", integers()), ("c", integers()), ("d", integers())]);
        assert_eq!(
            Matching::new(&output, &table.schema()).unwrap_err(),
            "its columns differ from those written before: `b` missing, `c`, `d` new"
        );
    }
}
