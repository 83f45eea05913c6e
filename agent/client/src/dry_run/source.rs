//! An input of a dry run: a Parquet or Arrow file by the input's number or name, which is read again each time.

use crate::error::ClientError;
use crate::inputs::{BATCH_ROWS, InputBatches};
use crate::names::InputName;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use longshore_protocol::DryRunFile;
use longshore_segment::DecodedBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Opens the input that a file is named after; `None` if there is none. `asked` is the input as the script named it.
pub(crate) fn open(folder: &Path, input: &InputName, asked: &InputName) -> Result<Option<InputBatches>, ClientError> {
    let found = find(folder, input).map_err(|reason| ClientError::Input { input: asked.clone(), reason })?;
    found.map(|path| read_at(&path, asked)).transpose()
}

/// Opens the file of an input.
pub(crate) fn read_at(path: &Path, asked: &InputName) -> Result<InputBatches, ClientError> {
    let (asked, shown) = (asked.clone(), path.display().to_string());
    let damaged =
        move |error: ArrowError| ClientError::Input { input: asked.clone(), reason: format!("`{shown}`: {error}") };
    let (schema, batches) = read(path).map_err(&damaged)?;
    let (schema, wanted) = (plain(&schema), plain(&schema));
    let decoded = batches.map(move |batch| {
        let batch = batch.and_then(|batch| conform(&wanted, &batch)).map_err(&damaged)?;
        Ok(batch.into())
    });
    Ok(InputBatches::new(schema, decoded, BATCH_ROWS))
}

/// All rows as one batch, as in a run.
pub(crate) fn whole(
    input: &InputName,
    schema: &SchemaRef,
    batches: InputBatches,
) -> Result<Vec<DecodedBatch>, ClientError> {
    let batches = batches.map(|decoded| Ok(decoded?.batch)).collect::<Result<Vec<_>, ClientError>>()?;
    let batch = arrow_select::concat::concat_batches(schema, &batches);
    let batch = batch.map_err(|error| ClientError::Input { input: input.clone(), reason: error.to_string() })?;
    Ok(vec![batch.into()])
}

/// The only file with the input's name.
fn find(folder: &Path, input: &InputName) -> Result<Option<PathBuf>, String> {
    let stem = match input {
        InputName::Number(number) => number.to_string(),
        InputName::Name(name) => name.clone(),
    };
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("`{}`: {error}", folder.display()))? {
        let path = entry.map_err(|error| format!("`{}`: {error}", folder.display()))?.path();
        let is_ours =
            [DryRunFile::OPTIONS, DryRunFile::NAME].iter().any(|ours| path.file_name() == Some(ours.as_ref()));
        if !is_ours && path.file_stem().is_some_and(|name| name == stem.as_str()) {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [] => Ok(None),
        [one] if is_table(one) => Ok(found.pop()),
        [one] => Err(format!(
            "`{}` must be converted first, with `longshore dry-run SCRIPT --folder {}`, or use .parquet, .arrow, \
             .feather or .arrows",
            one.display(),
            folder.display()
        )),
        [one, two, ..] => Err(format!("`{}` and `{}` both exist: keep one of them", one.display(), two.display())),
    }
}

/// The names of the tables in the folder that a user put there, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let tables = entries.map(|entry| entry.path()).filter(|path| is_table(path));
    let names = tables.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let is_ours = |name: &String| name.starts_with("output-") || name.starts_with("input-");
    let mut names: Vec<String> = names.filter(|name| !is_ours(name)).collect();
    names.sort();
    names
}

pub(crate) fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| DryRunFile::SUFFIXES.iter().any(|suffix| extension == *suffix))
}

fn read(path: &Path) -> Result<(SchemaRef, Batches), ArrowError> {
    let file = File::open(path)?;
    Ok(match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("parquet") => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH_ROWS);
            (Arc::clone(builder.schema()), Box::new(builder.build()?))
        }
        Some("arrows") => {
            let reader = StreamReader::try_new_buffered(file, None)?;
            (reader.schema(), Box::new(reader))
        }
        _ => {
            let reader = FileReader::try_new_buffered(file, None)?;
            (reader.schema(), Box::new(reader))
        }
    })
}

/// The schema without metadata of its writer's library, and without views, as in a run: of a column's metadata only the
/// keys of its extension type are kept.
fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let plain = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            other => other.clone(),
        };
        let told = field.metadata().iter().filter(|(key, _)| key.starts_with("ARROW:extension:"));
        let told = told.map(|(key, value)| (key.clone(), value.clone())).collect();
        Field::new(field.name(), plain, field.is_nullable()).with_metadata(told)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn conform(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
