//! Dates from times: pandas has no dates, so its times that are all at midnight are written as dates in formats that
//! distinguish them. A writer that knows the whole column states this in its metadata.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, Date32Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The metadata of a column of times that are all midnights.
const ONLY_DAYS: &str = "longshore.only_days";

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Whether a column has dates in the form of times.
pub(super) fn has_only_days(field: &Field) -> bool {
    field.metadata().contains_key(ONLY_DAYS) && matches!(field.data_type(), DataType::Timestamp(_, None))
}

/// The column without this metadata.
pub(super) fn unmarked(field: &Field) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.remove(ONLY_DAYS);
    field.clone().with_metadata(metadata)
}

/// The batch with its dates, and the columns that prove to be times.
///
/// # Errors
/// None for a batch of these columns.
pub(super) fn dated(schema: &SchemaRef, batch: &RecordBatch) -> Result<(RecordBatch, Vec<usize>), ArrowError> {
    let mut times = Vec::new();
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    for (place, field) in schema.fields().iter().enumerate() {
        let is_time = matches!(columns[place].data_type(), DataType::Timestamp(_, None));
        if *field.data_type() != DataType::Date32 || !is_time {
            continue;
        }
        match days(&columns[place]) {
            Some(days) => {
                fields[place] = Arc::new(fields[place].as_ref().clone().with_data_type(DataType::Date32));
                columns[place] = days;
            }
            None => times.push(place),
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
    Ok((batch, times))
}

/// Times as dates; `None` if one has a time of day.
fn days(times: &ArrayRef) -> Option<ArrayRef> {
    match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(times, 1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(times, 1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(times, 1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(times, 1_000_000_000),
        _ => None,
    }
}

fn of<T: ArrowTimestampType>(times: &ArrayRef, per_second: i64) -> Option<ArrayRef> {
    let day = |time: i64| (time % (DAY * per_second) == 0).then(|| i32::try_from(time / (DAY * per_second)).ok())?;
    let days = times.as_primitive::<T>().iter().map(|time| match time {
        None => Some(None),
        Some(time) => day(time).map(Some),
    });
    Some(Arc::new(days.collect::<Option<Vec<Option<i32>>>>().map(Date32Array::from)?))
}
