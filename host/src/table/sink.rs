//! A table to write, batch by batch, into a file that is already open.

use super::error::TableError;
use super::format::{Compression, FileFormat, Format};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_csv::{Writer as CsvWriter, WriterBuilder};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_json::LineDelimitedWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as ParquetCompression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Zstandard's level: its own default.
const ZSTD_LEVEL: i32 = 3;

/// A table being written.
pub struct Sink {
    path: PathBuf,
    kind: Kind,
    /// Columns that become text, for formats of flat cells.
    schema: SchemaRef,
    written: Arc<AtomicU64>,
}

enum Kind {
    Csv(Box<CsvWriter<Output>>),
    Ndjson(Box<LineDelimitedWriter<Output>>),
    Parquet(Box<ArrowWriter<Output>>),
    ArrowFile(Box<FileWriter<Output>>),
    ArrowStream(Box<StreamWriter<Output>>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sink {
    /// Starts a table of these columns. `path` stands for the file in errors.
    ///
    /// # Errors
    /// [`TableError::Unsupported`] and [`TableError::NoColumns`] where the format cannot hold it, or the file cannot
    /// be written.
    pub fn create(path: &Path, format: FileFormat, schema: &SchemaRef, file: File) -> Result<Self, TableError> {
        let arrow = |source| TableError::Arrow { path: path.to_owned(), source };
        let io = |source| TableError::Write { path: path.to_owned(), source };
        let parquet = |source| TableError::Parquet { path: path.to_owned(), source };
        if schema.fields().is_empty() && !matches!(format.format, Format::ArrowFile | Format::ArrowStream) {
            return Err(TableError::NoColumns { format: format.to_string() });
        }
        let written = match format.format {
            Format::Csv | Format::Tsv => flat(&in_utc(schema)),
            Format::Ndjson => in_utc(schema),
            Format::Parquet => in_milliseconds(schema),
            Format::ArrowFile | Format::ArrowStream => Arc::clone(schema),
        };
        check_types(&written, format)?;
        let written_bytes = Arc::new(AtomicU64::new(0));
        let file = Counted { file, written: Arc::clone(&written_bytes) };
        let output = Output::new(format.compression, file).map_err(io)?;
        let kind = match format.format {
            Format::Csv | Format::Tsv => {
                let delimiter = if format.format == Format::Csv { b',' } else { b'\t' };
                let mut writer = WriterBuilder::new().with_header(true).with_delimiter(delimiter).build(output);
                // The header, also when there will be no rows.
                writer.write(&RecordBatch::new_empty(Arc::clone(&written))).map_err(arrow)?;
                Kind::Csv(Box::new(writer))
            }
            Format::Ndjson => Kind::Ndjson(Box::new(LineDelimitedWriter::new(output))),
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(ParquetCompression::SNAPPY).build();
                let writer = ArrowWriter::try_new(output, Arc::clone(&written), Some(properties));
                Kind::Parquet(Box::new(writer.map_err(parquet)?))
            }
            Format::ArrowFile => Kind::ArrowFile(Box::new(FileWriter::try_new(output, schema).map_err(arrow)?)),
            Format::ArrowStream => Kind::ArrowStream(Box::new(StreamWriter::try_new(output, schema).map_err(arrow)?)),
        };
        Ok(Self { path: path.to_owned(), kind, schema: written, written: written_bytes })
    }

    /// Adds a batch of the sink's columns.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let arrow = |source| TableError::Arrow { path: self.path.clone(), source };
        match &mut self.kind {
            Kind::Csv(writer) => {
                let batch = flatten(&self.schema, batch).map_err(arrow)?;
                writer.write(&batch).map_err(arrow)
            }
            Kind::Ndjson(writer) => {
                let batch = flatten(&self.schema, batch).map_err(arrow)?;
                writer.write(&batch).map_err(arrow)
            }
            Kind::Parquet(writer) => {
                let batch = convert(&self.schema, batch).map_err(arrow)?;
                writer.write(&batch).map_err(|source| TableError::Parquet { path: self.path.clone(), source })
            }
            Kind::ArrowFile(writer) => writer.write(batch).map_err(arrow),
            Kind::ArrowStream(writer) => writer.write(batch).map_err(arrow),
        }
    }

    /// Sends on what has been gathered, for whoever reads while it is written. Formats that put rows into groups, such
    /// as Parquet, keep a group that is not full.
    ///
    /// # Errors
    /// [`TableError`].
    pub(crate) fn flush(&mut self) -> Result<(), TableError> {
        let io = |source| TableError::Write { path: self.path.clone(), source };
        match &mut self.kind {
            // Flushes with each batch.
            Kind::Csv(_) => Ok(()),
            Kind::Ndjson(writer) => writer.get_mut().flush().map_err(io),
            Kind::Parquet(writer) => writer.inner_mut().flush().map_err(io),
            Kind::ArrowFile(writer) => writer.get_mut().flush().map_err(io),
            Kind::ArrowStream(writer) => writer.get_mut().flush().map_err(io),
        }
    }

    /// Completes the table. Returns the file's size in bytes.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn finish(self) -> Result<u64, TableError> {
        let arrow = |source| TableError::Arrow { path: self.path.clone(), source };
        let io = |source| TableError::Write { path: self.path.clone(), source };
        let output = match self.kind {
            Kind::Csv(writer) => writer.into_inner(),
            Kind::Ndjson(mut writer) => {
                writer.finish().map_err(arrow)?;
                writer.into_inner()
            }
            Kind::Parquet(writer) => {
                writer.into_inner().map_err(|source| TableError::Parquet { path: self.path.clone(), source })?
            }
            Kind::ArrowFile(writer) => writer.into_inner().map_err(arrow)?,
            Kind::ArrowStream(writer) => writer.into_inner().map_err(arrow)?,
        };
        output.finish().map_err(io)?;
        Ok(self.written.load(Ordering::Relaxed))
    }
}

/// A file, and the bytes that went into it.
struct Counted {
    file: File,
    written: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.written.fetch_add(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Where bytes go.
enum Output {
    Plain(BufWriter<Counted>),
    Gzip(GzEncoder<BufWriter<Counted>>),
    Zstd(zstd::Encoder<'static, Counted>),
}

impl Output {
    fn new(compression: Compression, file: Counted) -> std::io::Result<Self> {
        let gathered = |file| BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(match compression {
            Compression::None => Self::Plain(gathered(file)),
            Compression::Gzip => Self::Gzip(GzEncoder::new(gathered(file), flate2::Compression::default())),
            Compression::Zstd => Self::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
        })
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Plain(mut writer) => writer.flush(),
            Self::Gzip(writer) => writer.finish()?.flush(),
            Self::Zstd(writer) => writer.finish().map(drop),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
            Self::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Gzip(writer) => writer.flush(),
            Self::Zstd(writer) => writer.flush(),
        }
    }
}

/// The columns with nested ones as text.
fn flat(schema: &Schema) -> SchemaRef {
    let flat = |field: &Arc<Field>| {
        if field.data_type().is_nested() {
            Arc::new(Field::new(field.name(), DataType::Utf8, true))
        } else {
            Arc::clone(field)
        }
    };
    Arc::new(Schema::new(schema.fields().iter().map(flat).collect::<Vec<_>>()))
}

/// The columns with every zone as UTC: text says the instant, and needs no zone's rules for that.
fn in_utc(schema: &Schema) -> SchemaRef {
    let in_utc = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            Arc::new(field.as_ref().clone().with_data_type(utc))
        }
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(in_utc).collect::<Vec<_>>()))
}

/// The columns with seconds as milliseconds: Parquet's times have no longer unit, and would be plain numbers.
fn in_milliseconds(schema: &Schema) -> SchemaRef {
    let in_milliseconds = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(TimeUnit::Second, zone) => {
            let milliseconds = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
            Arc::new(field.as_ref().clone().with_data_type(milliseconds))
        }
        _ => Arc::clone(field),
    };
    let fields = schema.fields().iter().map(in_milliseconds).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The batch with its columns in other units, where the schema has others.
fn convert(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        // A time that is out of the unit's range is an error, not a null.
        cast_with_options(column, field.data_type(), &CastOptions { safe: false, ..CastOptions::default() })
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

fn flatten(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        match (column.data_type(), field.data_type()) {
            (from, to) if from == to => Ok(Arc::clone(column)),
            // The same instants under another zone's name.
            (DataType::Timestamp(..), to) => {
                column.to_data().into_builder().data_type(to.clone()).build().map(arrow_array::make_array)
            }
            _ => json_text(column),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

/// Every value as JSON text.
fn json_text(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    const BEFORE: &str = "{\"v\":";
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&RecordBatch::try_from_iter([("v", Arc::clone(column))])?)?;
    writer.finish()?;
    let lines = String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::CastError(error.to_string()))?;
    let value = |line: &str| Some(line.strip_prefix(BEFORE)?.strip_suffix('}')?.to_owned());
    Ok(Arc::new(lines.lines().map(value).collect::<StringArray>()))
}

/// Checks that a format can hold every column, by writing a null of its type where that is in doubt: a run that has
/// worked for an hour should not learn it from its first row.
fn check_types(schema: &SchemaRef, format: FileFormat) -> Result<(), TableError> {
    let doubtful = |field: &&Arc<Field>| {
        let data_type = field.data_type();
        !data_type.is_primitive() && !matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Boolean)
            || matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
    };
    for field in schema.fields().iter().filter(doubtful) {
        let alone = Arc::new(Schema::new(vec![field.as_ref().clone().with_nullable(true)]));
        let null = arrow_array::new_null_array(field.data_type(), 1);
        let written = RecordBatch::try_new(Arc::clone(&alone), vec![null]).is_ok_and(|batch| match format.format {
            Format::Csv | Format::Tsv => CsvWriter::new(Vec::new()).write(&batch).is_ok(),
            Format::Ndjson => LineDelimitedWriter::new(Vec::new()).write(&batch).is_ok(),
            Format::Parquet => {
                let writer = ArrowWriter::try_new(Vec::new(), alone, None);
                writer.is_ok_and(|mut writer| writer.write(&batch).is_ok() && writer.close().is_ok())
            }
            Format::ArrowFile | Format::ArrowStream => true,
        });
        if !written {
            let (column, data_type) = (field.name().clone(), field.data_type().clone());
            return Err(TableError::Unsupported { column, data_type, format: format.to_string() });
        }
    }
    Ok(())
}
