//! Reads an output as a table of texts, whatever its format, so that one comparison serves them all.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Schema};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// A table as texts; `None` is null.
pub(crate) struct Table {
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Arrow types of the columns, for formats that keep types.
    pub(crate) types: Option<Vec<String>>,
    /// How many rows.
    pub(crate) count: usize,
    /// Cells, row by row, where they were asked for.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// Reads a file by the suffix of its path. Cells of a typed format cost time: a large table goes without.
pub(crate) fn read(path: &Path, bytes: Vec<u8>, cells: bool) -> Result<Table, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (name, bytes) = unpack(&name, bytes)?;
    let result = match name.rsplit('.').next().unwrap_or_default() {
        "csv" => return delimited(&bytes, b','),
        "tsv" => return delimited(&bytes, b'\t'),
        "ndjson" => return ndjson(&bytes),
        "parquet" => parquet_batches(bytes),
        "arrow" | "feather" => file_batches(&bytes),
        "arrows" => stream_batches(&bytes),
        other => return Err(format!("no reader for `.{other}`")),
    };
    let (schema, batches) = result.map_err(|error| format!("{name}: {error}"))?;
    typed(&schema, &batches, cells).map_err(|error| format!("{name}: {error}"))
}

fn unpack(name: &str, bytes: Vec<u8>) -> Result<(String, Vec<u8>), String> {
    if let Some(inner) = name.strip_suffix(".gz") {
        let mut unpacked = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&bytes[..]);
        decoder.read_to_end(&mut unpacked).map_err(|error| format!("{name}: {error}"))?;
        return Ok((inner.to_owned(), unpacked));
    }
    if let Some(inner) = name.strip_suffix(".zst") {
        let unpacked = zstd::decode_all(&bytes[..]).map_err(|error| format!("{name}: {error}"))?;
        return Ok((inner.to_owned(), unpacked));
    }
    Ok((name.to_owned(), bytes))
}

type Batches = Result<(Arc<Schema>, Vec<RecordBatch>), ArrowError>;

fn parquet_batches(bytes: Vec<u8>) -> Batches {
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes_of(bytes))?;
    let schema = Arc::clone(builder.schema());
    Ok((schema, builder.build()?.collect::<Result<_, _>>()?))
}

/// Parquet's reader wants a type that can be cut; a temporary file is one without a further dependency.
fn bytes_of(bytes: Vec<u8>) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    std::io::copy(&mut &bytes[..], &mut file).expect("a temporary file takes bytes");
    file
}

fn file_batches(bytes: &[u8]) -> Batches {
    let reader = arrow_ipc::reader::FileReader::try_new(Cursor::new(bytes), None)?;
    Ok((reader.schema(), reader.collect::<Result<_, _>>()?))
}

fn stream_batches(bytes: &[u8]) -> Batches {
    let reader = arrow_ipc::reader::StreamReader::try_new(Cursor::new(bytes), None)?;
    Ok((reader.schema(), reader.collect::<Result<_, _>>()?))
}

fn typed(schema: &Schema, batches: &[RecordBatch], cells: bool) -> Result<Table, ArrowError> {
    let names = schema.fields().iter().map(|field| field.name().clone()).collect();
    let types = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
    // A time with a zone is an instant: shown in UTC, whatever the zone.
    let utc = |column: &ArrayRef| match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => cast(column, &DataType::Timestamp(*unit, Some("+00:00".into()))),
        _ => Ok(Arc::clone(column)),
    };
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches.iter().filter(|_| cells) {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(utc).collect::<Result<_, _>>()?;
        let formatters: Vec<ArrayFormatter<'_>> =
            columns.iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |(column, formatter): (&Arc<dyn Array>, &ArrayFormatter<'_>)| {
                (!column.is_null(row)).then(|| formatter.value(row).to_string())
            };
            rows.push(columns.iter().zip(&formatters).map(cell).collect());
        }
    }
    let count = batches.iter().map(RecordBatch::num_rows).sum();
    Ok(Table { columns: names, types: Some(types), count, rows })
}

/// Delimited text. An unquoted empty cell is null, a quoted one is empty text.
pub(crate) fn delimited(bytes: &[u8], delimiter: u8) -> Result<Table, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut records: Vec<Vec<Option<String>>> = Vec::new();
    let mut record = Vec::new();
    let (mut cell, mut quoted, mut inside) = (String::new(), false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if inside && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if inside => inside = false,
            '"' if cell.is_empty() && !quoted => (inside, quoted) = (true, true),
            _ if inside => cell.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                record.push(finish(&mut cell, &mut quoted));
                records.push(std::mem::take(&mut record));
            }
            _ if character == char::from(delimiter) => record.push(finish(&mut cell, &mut quoted)),
            _ => cell.push(character),
        }
    }
    if !cell.is_empty() || quoted || !record.is_empty() {
        record.push(finish(&mut cell, &mut quoted));
        records.push(record);
    }
    if records.is_empty() {
        return Ok(Table { columns: Vec::new(), types: None, count: 0, rows: Vec::new() });
    }
    let columns = records.remove(0).into_iter().map(Option::unwrap_or_default).collect();
    Ok(Table { columns, types: None, count: records.len(), rows: records })
}

fn finish(cell: &mut String, quoted: &mut bool) -> Option<String> {
    let text = std::mem::take(cell);
    (std::mem::take(quoted) || !text.is_empty()).then_some(text)
}

fn ndjson(bytes: &[u8]) -> Result<Table, String> {
    let mut columns: Vec<String> = Vec::new();
    let mut objects = Vec::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
        for name in object.keys() {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        objects.push(object);
    }
    let cell = |value: Option<&serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let rows: Vec<Vec<Option<String>>> =
        objects.iter().map(|object| columns.iter().map(|name| cell(object.get(name))).collect()).collect();
    Ok(Table { columns, types: None, count: rows.len(), rows })
}
