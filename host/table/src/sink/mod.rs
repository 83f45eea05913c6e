//! A table to write, batch by batch, into an open file. The column types of each format are in `types.rs`; a library's
//! panic is an error of the table.

mod allowance;
mod days;
mod output;
mod rows;
mod style;
mod types;
mod xlsx;

pub use allowance::Allowance;

use super::error::TableError;
use super::guard::guarded;
use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use longshore_model::table::{FileFormat, Format, FormatError, WriteOptions};
use longshore_os::temporary::failure;
use output::{Counted, Output, Written};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as ParquetCompression;
use parquet::file::properties::WriterProperties;
use rows::{RowWriter, Rows};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use style::Style;
use xlsx::Book;

/// The beginning of the Excel library's panic if its temporary file cannot be written.
const NOT_SPOOLED: &str = "Couldn't write to xml file";

/// A table being written.
pub struct Sink {
    path: PathBuf,
    temporary_folder: PathBuf,
    format: FileFormat,
    kind: Kind,
    /// The columns with the types of the format.
    schema: SchemaRef,
    /// Whether times that are all midnights are dates.
    dates: bool,
    notes: Vec<String>,
    /// Rows of all batches so far.
    rows: usize,
    written: Arc<Written>,
}

enum Kind {
    Rows(Box<RowWriter>),
    Parquet(Box<ArrowWriter<Output>>),
    ArrowFile(Box<FileWriter<Output>>),
    ArrowStream(Box<StreamWriter<Output>>),
    Xlsx(Box<Book>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sink {
    /// Starts a table of these columns, which are plain ones. `path` identifies the file in errors.
    ///
    /// # Errors
    /// [`TableError::Unsupported`] and [`TableError::NoColumns`] if the format cannot hold it, or the file cannot
    /// be written.
    pub fn create(
        path: &Path,
        format: FileFormat,
        schema: &SchemaRef,
        file: File,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        Self::create_as(path, format, &WriteOptions::default(), schema, file, temporary_folder)
    }

    /// Starts a table with the given write options.
    ///
    /// # Errors
    /// As [`Sink::create`], and [`TableError::WriteOptions`] if the options do not fit the format.
    pub fn create_as(
        path: &Path,
        format: FileFormat,
        options: &WriteOptions,
        schema: &SchemaRef,
        file: File,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let counted = |written| Counted::new(file, written);
        guarded(|| Self::start(path, format, options, schema, counted, temporary_folder))
            .unwrap_or_else(|panicked| Err(gave_up(path, format, panicked, temporary_folder)))
    }

    /// Starts a table that is written to any writer.
    ///
    /// # Errors
    /// As [`Sink::create_as`].
    pub fn create_to(
        path: &Path,
        format: FileFormat,
        options: &WriteOptions,
        schema: &SchemaRef,
        writer: Box<dyn Write + Send>,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let counted = |written| Counted::of_writer(writer, written);
        guarded(|| Self::start(path, format, options, schema, counted, temporary_folder))
            .unwrap_or_else(|panicked| Err(gave_up(path, format, panicked, temporary_folder)))
    }

    fn start(
        path: &Path,
        format: FileFormat,
        options: &WriteOptions,
        schema: &SchemaRef,
        counted: impl FnOnce(Arc<Written>) -> Counted,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let unfit = |reason| TableError::WriteOptions { path: path.to_owned(), reason };
        let arrow = |source| TableError::Arrow { path: path.to_owned(), source };
        let io = |source| TableError::Write { path: path.to_owned(), source };
        let parquet = |source| TableError::Parquet { path: path.to_owned(), source };
        if schema.fields().is_empty() && !matches!(format.format, Format::ArrowFile | Format::ArrowStream) {
            return Err(TableError::NoColumns { format: format.to_string() });
        }
        // If the options set a format of times but none of dates, there are no dates.
        let dates = options.times.is_none() || options.dates.is_some();
        let types = types::written(schema, format, dates)?;
        let written = Arc::new(Written::default());
        let file = counted(Arc::clone(&written));
        let output = Output::new(format.compression, file).map_err(io)?;
        options.fit(format).map_err(unfit)?;
        let rows = |rows, output| RowWriter::new(path, rows, &types, output).map(|writer| Kind::Rows(Box::new(writer)));
        let kind = match format.format {
            Format::Csv | Format::Tsv => {
                let style = Style::new(options, format.format).map_err(unfit)?;
                rows(Rows::Delimited(Box::new(style)), output)?
            }
            Format::Ndjson => rows(Rows::Ndjson, output)?,
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(ParquetCompression::SNAPPY).build();
                let writer = ArrowWriter::try_new(output, Arc::clone(&types), Some(properties));
                Kind::Parquet(Box::new(writer.map_err(parquet)?))
            }
            Format::Xlsx => Kind::Xlsx(Box::new(Book::new(path, &types, output, temporary_folder)?)),
            Format::ArrowFile => Kind::ArrowFile(Box::new(FileWriter::try_new(output, &types).map_err(arrow)?)),
            Format::ArrowStream => Kind::ArrowStream(Box::new(StreamWriter::try_new(output, schema).map_err(arrow)?)),
            Format::Json => return Err(FormatError::NotWritten { format: format.to_string() }.into()),
        };
        let (path, temporary_folder) = (path.to_owned(), temporary_folder.to_owned());
        Ok(Self { path, temporary_folder, format, kind, schema: types, dates, notes: Vec::new(), rows: 0, written })
    }

    /// Limits the bytes written from here on to an allowance that other tables may share.
    pub fn within(self, allowance: &Allowance) -> Self {
        self.written.allowance.get_or_init(|| allowance.clone());
        self
    }

    /// The memory that a batch takes while it is written, as a multiple of its values' size: the values with the
    /// format's types, and their text. In JSON a byte may become six.
    pub fn expansion(&self) -> u64 {
        if self.format.format == Format::Ndjson { 7 } else { 3 }
    }

    /// Bytes of rows that are buffered until a group of them is full.
    pub fn kept_back(&self) -> u64 {
        match &self.kind {
            Kind::Parquet(writer) => writer.memory_size() as u64,
            _ => 0,
        }
    }

    /// Writes the buffered rows.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn end_group(&mut self) -> Result<(), TableError> {
        match &mut self.kind {
            Kind::Parquet(writer) => {
                writer.flush().map_err(|source| TableError::Parquet { path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }

    /// Widens the columns of later batches. Returns `false` if the format fixed their types at its start.
    ///
    /// # Errors
    /// As [`Sink::create`].
    pub fn widen(&mut self, schema: &SchemaRef) -> Result<bool, TableError> {
        if !matches!(self.kind, Kind::Rows(_) | Kind::Xlsx(_)) {
            return Ok(false);
        }
        let before = std::mem::replace(&mut self.schema, types::written(schema, self.format, self.dates)?);
        let is_time = |place: &usize| matches!(before.field(*place).data_type(), DataType::Timestamp(..));
        let times: Vec<usize> = (0..before.fields().len()).filter(is_time).collect();
        self.have_times(schema, &times);
        Ok(true)
    }

    /// Columns of dates that become times from here on.
    fn have_times(&mut self, schema: &Schema, places: &[usize]) {
        let field = |(place, field): (usize, &FieldRef)| {
            let is_time = places.contains(&place) && *field.data_type() == DataType::Date32;
            let data_type = if is_time { schema.field(place).data_type() } else { field.data_type() };
            Arc::new(field.as_ref().clone().with_data_type(data_type.clone()))
        };
        let fields: Vec<FieldRef> = self.schema.fields().iter().enumerate().map(field).collect();
        self.schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
    }

    /// Adds a batch of the sink's columns. Formats of rows write nothing of a batch that is rejected.
    ///
    /// # Errors
    /// [`TableError::Value`] for a value that the format cannot hold.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let (path, format, temporary_folder) = (self.path.clone(), self.format, self.temporary_folder.clone());
        guarded(|| self.add(batch)).unwrap_or_else(|panicked| Err(gave_up(&path, format, panicked, &temporary_folder)))
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let arrow = |source| TableError::Arrow { path: self.path.clone(), source };
        let (dated, times) = days::dated(&self.schema, batch).map_err(arrow)?;
        for place in &times {
            let name = self.schema.field(*place).name();
            self.notes.push(format!(
                "column `{name}` has only dates above row {}, and times of day from there on: `times=` with a format \
                 writes the whole column as times",
                self.rows + 1
            ));
        }
        self.have_times(&batch.schema(), &times);
        let arrow = |source| TableError::Arrow { path: self.path.clone(), source };
        let batch = types::convert(&self.schema, &dated, self.rows)?;
        match &mut self.kind {
            Kind::Rows(writer) => writer.write(&batch)?,
            Kind::Xlsx(book) => book.write(&batch)?,
            Kind::Parquet(writer) => {
                writer.write(&batch).map_err(|source| TableError::Parquet { path: self.path.clone(), source })?;
            }
            Kind::ArrowFile(writer) => writer.write(&batch).map_err(arrow)?,
            Kind::ArrowStream(writer) => writer.write(&batch).map_err(arrow)?,
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    /// Flushes buffered rows, for a reader that reads while the table is written. Formats that group rows, such as
    /// Parquet, keep a group that is not full.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn flush(&mut self) -> Result<(), TableError> {
        let io = |source| TableError::Write { path: self.path.clone(), source };
        match &mut self.kind {
            Kind::Rows(writer) => writer.flush(),
            // The workbook is assembled at its end.
            Kind::Xlsx(_) => Ok(()),
            Kind::Parquet(writer) => writer.inner_mut().flush().map_err(io),
            Kind::ArrowFile(writer) => writer.get_mut().flush().map_err(io),
            Kind::ArrowStream(writer) => writer.get_mut().flush().map_err(io),
        }
    }

    /// Notes for the user about how values were written.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let own = match &self.kind {
            Kind::Xlsx(book) => return book.notes(),
            _ => self.notes.iter(),
        };
        own.cloned().collect()
    }

    /// Completes the table. Returns the file's size in bytes.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn finish(self) -> Result<u64, TableError> {
        let (path, format, temporary_folder) = (self.path.clone(), self.format, self.temporary_folder.clone());
        guarded(|| self.end()).unwrap_or_else(|panicked| Err(gave_up(&path, format, panicked, &temporary_folder)))
    }

    fn end(self) -> Result<u64, TableError> {
        let arrow = |source| TableError::Arrow { path: self.path.clone(), source };
        let io = |source| TableError::Write { path: self.path.clone(), source };
        let output = match self.kind {
            Kind::Rows(writer) => writer.finish()?,
            Kind::Xlsx(book) => book.finish()?,
            Kind::Parquet(writer) => {
                writer.into_inner().map_err(|source| TableError::Parquet { path: self.path.clone(), source })?
            }
            Kind::ArrowFile(writer) => writer.into_inner().map_err(arrow)?,
            Kind::ArrowStream(writer) => writer.into_inner().map_err(arrow)?,
        };
        output.finish().map_err(io)?;
        Ok(self.written.bytes.load(Ordering::Relaxed))
    }
}

fn gave_up(path: &Path, format: FileFormat, panicked: super::guard::Panicked, temporary_folder: &Path) -> TableError {
    if format.format == Format::Xlsx && panicked.words.starts_with(NOT_SPOOLED) {
        let source = failure(temporary_folder, std::io::Error::other(panicked.words));
        return TableError::Write { path: path.to_owned(), source };
    }
    TableError::WriterGaveUp { path: path.to_owned(), reason: format!("{format} writer failed: {}", panicked.words) }
}
