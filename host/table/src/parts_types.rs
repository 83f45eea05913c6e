//! The column types of a table in many files: the types that hold the values of all files, and the conversion of
//! batches to them.

use super::table_file::TableFile;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_cast::CastOptions;
use arrow_cast::display::FormatOptions;
use arrow_schema::{DataType, FieldRef, SchemaRef};
use longshore_model::table::ColumnType;
use std::sync::Arc;

/// The type of a column of text; `None` if it has no value.
pub(super) fn typed(part: &TableFile, name: &str) -> Option<DataType> {
    let schema = part.schema();
    let (index, field) = schema.column_with_name(name)?;
    let has_nothing = part.layout().is_some_and(|layout| layout.has_nothing(index));
    (!has_nothing).then(|| field.data_type().clone())
}

/// The narrowest type that holds the values of text columns of all these types.
pub(super) fn common<'a>(kinds: impl Iterator<Item = &'a DataType>) -> DataType {
    let both = |one: DataType, other: &DataType| match (&one, other) {
        (one, other) if one == other => one.clone(),
        (DataType::Int64 | DataType::Float64, DataType::Int64 | DataType::Float64) => DataType::Float64,
        (DataType::Date32, naive @ DataType::Timestamp(_, None)) => naive.clone(),
        (naive @ DataType::Timestamp(_, None), DataType::Date32) => naive.clone(),
        _ => DataType::Utf8,
    };
    let mut kinds = kinds.cloned();
    let first = kinds.next().unwrap_or(DataType::Utf8);
    kinds.fold(first, |one, other| both(one, &other))
}

pub(super) fn option_of(kind: &DataType) -> ColumnType {
    match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int64 => ColumnType::Integer,
        DataType::Float64 => ColumnType::Number,
        DataType::Date32 => ColumnType::Date(None),
        DataType::Timestamp(..) => ColumnType::Time(None),
        _ => ColumnType::Text,
    }
}

pub(super) fn noun(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "true or false",
        DataType::Int64 => "whole numbers",
        DataType::Float64 => "numbers",
        DataType::Date32 => "dates",
        DataType::Timestamp(..) => "times",
        _ => "text",
    }
}

/// Casts that fail if a value would be lost.
const WHOLE: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// A batch of a file as one of the table: its columns in the table's order, then the keys of the folder names.
pub(super) fn with_keys(
    batch: &RecordBatch,
    own: &[FieldRef],
    keys: Option<&RecordBatch>,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in own {
        let column = batch.schema_ref().index_of(field.name())?;
        let column = batch.column(column);
        // The units of times may differ, since they are determined for each text.
        let is_other = column.data_type() != field.data_type();
        columns.push(if is_other {
            arrow_cast::cast_with_options(column, field.data_type(), &WHOLE)?
        } else {
            Arc::clone(column)
        });
    }
    if let Some(keys) = keys {
        let first = UInt32Array::from_value(0, rows);
        for key in keys.columns() {
            columns.push(arrow_select::take::take(key, &first, None)?);
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
