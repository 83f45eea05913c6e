//! Intervals in the only form that pyarrow has an array for: months, days and nanoseconds. Intervals of months, and of
//! days and milliseconds, are converted to it, at every depth, with the same value; other types are unchanged.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef};
use std::sync::Arc;

/// A schema in which all intervals are of months, days and nanoseconds.
pub(crate) fn schema(schema: &SchemaRef) -> SchemaRef {
    match fields(schema.fields()) {
        None => schema.clone(),
        Some(fields) => Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())),
    }
}

/// A batch with the columns of [`schema`].
///
/// # Errors
///
/// If a column cannot be converted.
pub(crate) fn batch(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let target = schema(batch.schema_ref());
    if Arc::ptr_eq(&target, batch.schema_ref()) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(target, columns)
}

/// A column in the type of its [`field`].
///
/// # Errors
///
/// If it cannot be converted.
pub(crate) fn column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match data_type(column.data_type()) {
        None => Ok(column.clone()),
        Some(target) => cast(column, &target),
    }
}

/// A field in which all intervals are of months, days and nanoseconds.
pub(crate) fn field(field: &FieldRef) -> FieldRef {
    changed(field).unwrap_or_else(|| field.clone())
}

fn changed(field: &FieldRef) -> Option<FieldRef> {
    data_type(field.data_type()).map(|data_type| Arc::new(Field::clone(field).with_data_type(data_type)))
}

fn fields(fields: &Fields) -> Option<Fields> {
    let found = fields.iter().any(|field| data_type(field.data_type()).is_some());
    found.then(|| fields.iter().map(self::field).collect())
}

/// The type that replaces another; `None` if it contains no other form of interval.
fn data_type(from: &DataType) -> Option<DataType> {
    match from {
        DataType::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime) => {
            Some(DataType::Interval(IntervalUnit::MonthDayNano))
        }
        DataType::List(item) => changed(item).map(DataType::List),
        DataType::LargeList(item) => changed(item).map(DataType::LargeList),
        DataType::FixedSizeList(item, size) => changed(item).map(|item| DataType::FixedSizeList(item, *size)),
        DataType::Map(entries, sorted) => changed(entries).map(|entries| DataType::Map(entries, *sorted)),
        DataType::Struct(members) => fields(members).map(DataType::Struct),
        _ => None,
    }
}
