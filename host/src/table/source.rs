//! A table to read: a file that has been checked, and can be read as often as is needed.

use super::error::TableError;
use super::format::{Compression, FileFormat, Format};
use super::{BATCH_ROWS, csv, json};
use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_json::ReaderBuilder as JsonReaderBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Batches of a table.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, TableError>> + Send>;

/// A table to read.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: File,
    format: FileFormat,
    schema: SchemaRef,
    rows: Option<u64>,
    csv: Option<csv::Layout>,
}

impl Source {
    /// Opens and checks a file. Text formats are read through once, so that whatever is wrong is found now.
    ///
    /// # Errors
    /// [`TableError`] says what is wrong with the file.
    pub fn open(path: &Path, format: FileFormat) -> Result<Self, TableError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(TableError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(TableError::Read { path: path.to_owned(), source }),
        };
        Self::check(path, file, format)
    }

    /// Takes a table from a reader that cannot be read twice, such as standard input: it is kept in a temporary file
    /// without a name. `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn spool(name: &str, mut reader: impl Read, format: FileFormat) -> Result<Self, TableError> {
        use rustix::fs::{Mode, OFlags, open};
        let path = Path::new(name);
        let failed = |source| TableError::Read { path: path.to_owned(), source };
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file = open(std::env::temp_dir(), flags, Mode::RUSR | Mode::WUSR).map_err(|errno| failed(errno.into()))?;
        let mut file = File::from(file);
        std::io::copy(&mut reader, &mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Self::check(path, file, format)
    }

    fn check(path: &Path, file: File, format: FileFormat) -> Result<Self, TableError> {
        let metadata = file.metadata().map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        if metadata.is_dir() {
            return Err(TableError::Folder { path: path.to_owned() });
        }
        if metadata.len() == 0 {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        let schema = Arc::new(Schema::empty());
        let mut source = Self { path: path.to_owned(), file, format, schema, rows: None, csv: None };
        source.check_content()?;
        match format.format {
            Format::Csv | Format::Tsv => {
                let layout = csv::scan(path, source.delimiter()?, source.text()?)?;
                source.schema = Arc::clone(&layout.schema);
                source.rows = Some(layout.rows);
                source.csv = Some(layout);
            }
            Format::Ndjson => {
                let (schema, rows) = json::scan(path, BufReader::with_capacity(BUFFER_BYTES, source.text()?))?;
                source.schema = schema;
                source.rows = Some(rows);
            }
            Format::Parquet => {
                let reader = source.parquet()?;
                source.rows = u64::try_from(reader.metadata().file_metadata().num_rows()).ok();
                source.schema = plain(reader.schema());
            }
            Format::ArrowFile => source.schema = plain(&source.arrow_file()?.schema()),
            Format::ArrowStream => source.schema = plain(&source.arrow_stream()?.schema()),
        }
        Ok(source)
    }

    /// The table's columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The number of rows, where the file says so without being read.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Reads the table, from its start.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn batches(&self) -> Result<Batches, TableError> {
        let path = self.path.clone();
        let arrow = move |result: Result<RecordBatch, arrow_schema::ArrowError>| {
            result.map_err(|error| TableError::Damaged { path: path.clone(), reason: error.to_string() })
        };
        Ok(match (self.format.format, &self.csv) {
            (Format::Csv | Format::Tsv, Some(layout)) => {
                Box::new(csv::batches(&self.path, layout, self.text()?, csv::Pace::Stored)?)
            }
            (Format::Ndjson, _) => {
                let text = BufReader::with_capacity(BUFFER_BYTES, self.text()?);
                let builder = JsonReaderBuilder::new(Arc::clone(&self.schema)).with_batch_size(BATCH_ROWS);
                let reader = builder.build(text);
                Box::new(reader.map_err(|source| TableError::Arrow { path: self.path.clone(), source })?.map(arrow))
            }
            (Format::Parquet, _) => {
                let reader = self.parquet()?.with_batch_size(BATCH_ROWS).build();
                let reader = reader.map_err(|source| TableError::Parquet { path: self.path.clone(), source })?;
                let schema = Arc::clone(&self.schema);
                Box::new(reader.map(arrow).map(move |batch| conform(&schema, &batch?)))
            }
            (Format::ArrowFile, _) => {
                let (reader, schema) = (self.arrow_file()?, Arc::clone(&self.schema));
                Box::new(reader.map(arrow).map(move |batch| conform(&schema, &batch?)))
            }
            (Format::ArrowStream | Format::Csv | Format::Tsv, _) => {
                let (reader, schema) = (self.arrow_stream()?, Arc::clone(&self.schema));
                Box::new(reader.map(arrow).map(move |batch| conform(&schema, &batch?)))
            }
        })
    }

    /// The file from its start, with an offset of its own: several readers may be at work.
    pub(crate) fn reopen(&self) -> Result<File, TableError> {
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
            .map_err(|source| TableError::Read { path: self.path.clone(), source })
    }

    /// The content without the compression around it.
    fn text(&self) -> Result<Box<dyn Read + Send>, TableError> {
        decompress(self.reopen()?, self.format.compression)
            .map_err(|source| TableError::Read { path: self.path.clone(), source })
    }

    fn parquet(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
        ParquetRecordBatchReaderBuilder::try_new(self.reopen()?)
            .map_err(|error| TableError::Damaged { path: self.path.clone(), reason: error.to_string() })
    }

    fn arrow_file(&self) -> Result<FileReader<BufReader<File>>, TableError> {
        FileReader::try_new_buffered(self.reopen()?, None)
            .map_err(|error| TableError::Damaged { path: self.path.clone(), reason: error.to_string() })
    }

    fn arrow_stream(&self) -> Result<StreamReader<BufReader<Box<dyn Read + Send>>>, TableError> {
        StreamReader::try_new_buffered(self.text()?, None)
            .map_err(|error| TableError::Damaged { path: self.path.clone(), reason: error.to_string() })
    }

    fn delimiter(&self) -> Result<u8, TableError> {
        let mut header = Vec::new();
        self.text()?
            .take(64 << 10)
            .read_to_end(&mut header)
            .map_err(|source| TableError::Read { path: self.path.clone(), source })?;
        Ok(delimiter(self.format.format, &header))
    }

    /// Whether the first bytes are those of the format.
    fn check_content(&self) -> Result<(), TableError> {
        let read = |mut reader: Box<dyn Read + Send>| {
            let mut head = Vec::new();
            reader.by_ref().take(8).read_to_end(&mut head).map(|_| head)
        };
        let failed = |source| TableError::Read { path: self.path.clone(), source };
        let outer = read(Box::new(self.reopen()?)).map_err(failed)?;
        let compressed = match self.format.compression {
            Compression::None => true,
            Compression::Gzip => outer.starts_with(GZIP),
            Compression::Zstd => outer.starts_with(ZSTD),
        };
        let head = match self.format.compression {
            Compression::None => outer.clone(),
            _ if !compressed => outer.clone(),
            _ => read(self.text()?).map_err(failed)?,
        };
        let found = looks_like(&head);
        let fits = match self.format.format {
            Format::Csv | Format::Tsv | Format::Ndjson => found == TEXT,
            Format::Parquet => head.starts_with(PARQUET),
            Format::ArrowFile => head.starts_with(ARROW),
            Format::ArrowStream => head.starts_with(CONTINUATION),
        };
        if compressed && fits {
            return Ok(());
        }
        let expected = self.format.to_string();
        Err(TableError::WrongContent { path: self.path.clone(), expected, found })
    }
}

/// The content of a file without the compression around it.
pub(super) fn decompress(file: File, compression: Compression) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, file))),
        Compression::Zstd => Box::new(zstd::Decoder::new(file)?),
    })
}

/// Commas, unless the header has none but semicolons, as spreadsheets of half of Europe write it.
pub(super) fn delimiter(format: Format, head: &[u8]) -> u8 {
    let header = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match format {
        Format::Tsv => b'\t',
        _ if header.contains(&b';') && !header.contains(&b',') => b';',
        _ => b',',
    }
}

const PARQUET: &[u8] = b"PAR1";
const ARROW: &[u8] = b"ARROW1";
const CONTINUATION: &[u8] = &[0xff; 4];
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const TEXT: &str = "text, such as CSV or JSON";

fn looks_like(head: &[u8]) -> &'static str {
    let known: [(&[u8], &str); 6] = [
        (PARQUET, "Parquet"),
        (ARROW, "an Arrow file"),
        (CONTINUATION, "an Arrow stream"),
        (GZIP, "something in gzip"),
        (ZSTD, "something in Zstandard"),
        (b"PK\x03\x04", "a ZIP archive, such as an Excel workbook"),
    ];
    match known.into_iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, name)) => name,
        None if head.contains(&0) => "binary data of no known format",
        None => TEXT,
    }
}

/// The schema without what only its writer's library understands, and without views, which not every reader takes.
pub(super) fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let plain = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            _ => return Arc::clone(field),
        };
        Arc::new(Field::new(field.name(), plain, field.is_nullable()))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn conform(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, TableError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
    });
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    columns
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options))
        .map_err(|source| TableError::Arrow { path: PathBuf::new(), source })
}
