//! The column types of each format: a unit that a format lacks is converted to one that it has, and a type that it
//! cannot hold is rejected before a row is written, with the name of its column.

use super::days::{has_only_days, unmarked};
use crate::error::TableError;
use crate::guard::guarded;
use arrow_array::cast::AsArray;
use arrow_array::types::Date64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, IntervalUnit, Schema, SchemaRef, TimeUnit};
use longshore_model::table::{FileFormat, Format, FormatError};
use longshore_segment::{bare, convert_leaves};
use parquet::arrow::ArrowWriter;
use std::sync::Arc;

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// The columns with the types of a format. `dates`: times that are all midnights become dates in formats that have no
/// types.
///
/// # Errors
/// [`TableError::Unsupported`].
pub(super) fn written(schema: &SchemaRef, format: FileFormat, dates: bool) -> Result<SchemaRef, TableError> {
    let of = match format.format {
        Format::Csv | Format::Tsv | Format::Ndjson | Format::Xlsx => text_type,
        Format::Parquet => parquet_type,
        Format::ArrowFile => |data_type: &DataType| Some(data_type.clone()),
        // A stream keeps all types and metadata, because it may be written again in another format.
        Format::ArrowStream => return Ok(Arc::clone(schema)),
        Format::Json => return Err(FormatError::NotWritten { format: format.to_string() }.into()),
    };
    let is_typed = matches!(format.format, Format::Parquet | Format::ArrowFile);
    let fields = schema.fields().iter().map(|field| {
        let is_date = !is_typed && dates && has_only_days(field);
        let data_type = if is_date { Some(DataType::Date32) } else { of(field.data_type()) };
        data_type
            .map(|data_type| Arc::new(unmarked(field).with_data_type(data_type)))
            .ok_or_else(|| unsupported(field, format))
    });
    let fields = fields.collect::<Result<Vec<FieldRef>, _>>()?;
    let written = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    if format.format == Format::Parquet {
        check_parquet(schema, &written, format)?;
    }
    Ok(written)
}

fn unsupported(field: &Field, format: FileFormat) -> TableError {
    let (column, data_type) = (field.name().clone(), noun(field.data_type()).into());
    TableError::Unsupported { column, data_type, format: format.to_string() }
}

/// A readable name of a type that fits on a line: the types inside a nested one are left out.
fn noun(data_type: &DataType) -> String {
    let nested = match data_type {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "a list of a type",
        DataType::Struct(_) => "a structure with a part",
        DataType::Map(..) => "a map of a type",
        DataType::Union(..) => "a union of types",
        other => return other.to_string(),
    };
    nested.to_owned()
}

/// A type with its inner types replaced; `None` if one of them is not supported.
fn nested(data_type: &DataType, of: fn(&DataType) -> Option<DataType>) -> Option<DataType> {
    let inner = |field: &FieldRef| Some(Arc::new(field.as_ref().clone().with_data_type(of(field.data_type())?)));
    Some(match data_type {
        DataType::List(field) => DataType::List(inner(field)?),
        DataType::LargeList(field) => DataType::LargeList(inner(field)?),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(inner(field)?, *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect::<Option<_>>()?),
        DataType::Map(field, sorted) => DataType::Map(inner(field)?, *sorted),
        other => other.clone(),
    })
}

/// Text represents the instant without the rules of a zone: every zone is UTC.
fn text_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(unit, Some(_)) => Some(DataType::Timestamp(*unit, Some("+00:00".into()))),
        DataType::Union(..) => None,
        other => nested(other, text_type),
    }
}

/// Parquet's times have no seconds and its dates no milliseconds: unconverted, they would be plain numbers. It also has
/// no structures without parts.
fn parquet_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => Some(DataType::Timestamp(TimeUnit::Millisecond, zone.clone())),
        DataType::Time32(TimeUnit::Second) => Some(DataType::Time32(TimeUnit::Millisecond)),
        DataType::Date64 => Some(DataType::Date32),
        DataType::Struct(fields) if fields.is_empty() => Some(DataType::Utf8),
        DataType::FixedSizeList(field, 0) => nested(&DataType::List(Arc::clone(field)), parquet_type),
        DataType::Union(..) | DataType::Interval(IntervalUnit::MonthDayNano) => None,
        other => nested(other, parquet_type),
    }
}

/// Tests whether Parquet's writer accepts each column in doubt, with a row of nulls: a run that has worked for an hour
/// should not fail at its first row.
fn check_parquet(schema: &Schema, written: &Schema, format: FileFormat) -> Result<(), TableError> {
    let doubtful = |data_type: &DataType| {
        !data_type.is_primitive() && !matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Boolean)
            || matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
    };
    for (field, original) in written.fields().iter().zip(schema.fields()) {
        if !doubtful(field.data_type()) {
            continue;
        }
        let alone = Arc::new(Schema::new(vec![field.as_ref().clone().with_nullable(true)]));
        let nothing = arrow_array::new_null_array(field.data_type(), 1);
        let taken = guarded(|| {
            let batch = RecordBatch::try_new(Arc::clone(&alone), vec![nothing]).ok()?;
            let mut writer = ArrowWriter::try_new(Vec::new(), alone, None).ok()?;
            writer.write(&batch).ok()?;
            writer.close().ok()
        });
        if !matches!(taken, Ok(Some(_))) {
            return Err(unsupported(original, format));
        }
    }
    Ok(())
}

/// The batch with its columns in the types of the format.
///
/// # Errors
/// [`TableError::Value`] for a value that is out of the range of the format's type.
pub(super) fn convert(schema: &SchemaRef, batch: &RecordBatch, rows_before: usize) -> Result<RecordBatch, TableError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        convert_leaves(column, field.data_type(), &leaf).map_err(|error| {
            let row =
                (0..column.len()).find(|row| convert_leaves(&column.slice(*row, 1), field.data_type(), &leaf).is_err());
            TableError::Value {
                column: field.name().clone(),
                row: row.map(|row| rows_before + row + 1),
                reason: bare(&error),
            }
        })
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|source| TableError::Arrow { path: std::path::PathBuf::new(), source })
}

fn leaf(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        // The same instants, with the name of another zone.
        (DataType::Timestamp(from, Some(_)), DataType::Timestamp(unit, Some(_))) if from == unit => {
            array.to_data().into_builder().data_type(to.clone()).build().map(arrow_array::make_array)
        }
        (DataType::Struct(_), DataType::Utf8) => {
            let text = |row| array.is_valid(row).then_some("{}");
            Ok(Arc::new((0..array.len()).map(text).collect::<StringArray>()))
        }
        (DataType::Date64, DataType::Date32) => {
            let whole = array.as_primitive::<Date64Type>().iter().flatten().find(|millis| millis % DAY_MILLIS != 0);
            match whole {
                Some(millis) => Err(ArrowError::CastError(format!(
                    "{millis} milliseconds are not whole days, as Parquet's dates must be: write it as a time"
                ))),
                None => exact(array, to),
            }
        }
        (DataType::FixedSizeList(..), DataType::List(_)) => exact(array, to),
        _ => exact(array, to),
    }
}

fn exact(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    // A time that is out of the unit's range is an error, not a null.
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}
