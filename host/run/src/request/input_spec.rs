//! A table for an input, as a caller gives it: a path, an open file, any reader, record batches, or a segment.
//! `inputs.rs` opens it.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{Schema, SchemaRef};
use longshore_segment::Segment;
use longshore_table::{BatchReader, FileFormat, ReadOptions};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table for an input.
#[derive(Debug)]
#[non_exhaustive]
pub struct InputSpec {
    /// The input's number, from 0; counted up if it is left out.
    pub number: Option<usize>,
    /// The name of an input that the block declares.
    pub name: Option<String>,
    /// The source of the table.
    pub source: InputSource,
    /// Its format, if no suffix implies it.
    pub format: Option<FileFormat>,
    /// How it is read; the rest is detected.
    pub read: ReadOptions,
    /// Its name in errors, if it has no path.
    pub called: String,
    /// Its path in the record, if it has none.
    pub recorded: PathBuf,
}

/// The source of a table.
#[non_exhaustive]
pub enum InputSource {
    /// A path: a file, a folder of files, a pattern of file names, or a named pipe.
    Path(PathBuf),
    /// An open file, pipe or socket, from its current position.
    File(File),
    /// The bytes of a file. They are copied to a temporary file first; a block with the mode `stream` gets their rows
    /// as they arrive, from a thread of its own, which ends after a pending read.
    Reader(Box<dyn Read + Send>),
    /// Record batches, and their common columns.
    Batches {
        /// The columns.
        schema: SchemaRef,
        /// The batches.
        batches: Vec<RecordBatch>,
    },
    /// Record batches that can be read once. They are copied to a temporary file first; a block with the mode `stream`
    /// gets them as they arrive.
    BatchReader(BatchReader),
    /// Shared memory with an Arrow stream. It is checked. One with plain columns in large batches is passed on as it is;
    /// any other is copied once when the script reads it.
    Segment(Segment),
    /// A table that another step of a chain writes, and that is there before the script begins.
    Connected,
}

impl fmt::Debug for InputSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Reader(_) => f.write_str("Reader"),
            Self::Batches { schema, batches } => write!(f, "Batches({} of {schema:?})", batches.len()),
            Self::BatchReader(reader) => write!(f, "BatchReader({:?})", reader.schema()),
            Self::Segment(segment) => f.debug_tuple("Segment").field(segment).finish(),
            Self::Connected => f.write_str("Connected"),
        }
    }
}

impl InputSpec {
    fn new(source: InputSource, called: &str) -> Self {
        let (called, recorded) = (called.to_owned(), PathBuf::from(called));
        Self { number: None, name: None, source, format: None, read: ReadOptions::default(), called, recorded }
    }

    /// A path, whose suffix implies the format.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::new(InputSource::Path(path.into()), "")
    }

    /// An open file; [`InputSpec::format`] or the block sets its format.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::new(InputSource::File(file), "an open file")
    }

    /// The bytes of a file; [`InputSpec::format`] or the block sets its format.
    #[must_use]
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::new(InputSource::Reader(Box::new(reader)), "a reader")
    }

    /// Record batches of a table with these columns.
    #[must_use]
    pub fn batches(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self::new(InputSource::Batches { schema, batches }, "record batches")
    }

    /// Record batches that can be read once.
    #[must_use]
    pub fn batch_reader(reader: impl RecordBatchReader + Send + 'static) -> Self {
        Self::new(InputSource::BatchReader(Box::new(reader)), "record batches")
    }

    /// A segment.
    #[must_use]
    pub fn segment(segment: Segment) -> Self {
        Self::new(InputSource::Segment(segment), "a segment")
    }

    /// A table of another step of a chain, which is called so.
    #[must_use]
    pub(crate) fn connected(from: &str) -> Self {
        Self::new(InputSource::Connected, from)
    }

    /// Whether another step of a chain writes it.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.source, InputSource::Connected)
    }

    /// Sets the input's number, from 0.
    #[must_use]
    pub fn number(mut self, number: usize) -> Self {
        self.number = Some(number);
        self
    }

    /// Sets the input by its declared name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the format, regardless of the suffix.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets the options of reading.
    #[must_use]
    pub fn read(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// Sets the name in errors and in the record, for a table without a path.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.called = name.into();
        self.recorded = PathBuf::from(&self.called);
        self
    }

    /// Sets the path in the record, for a table without a path.
    #[must_use]
    pub fn recorded_as(mut self, path: impl Into<PathBuf>) -> Self {
        self.recorded = path.into();
        self
    }

    /// Its path, if it has one.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        if let InputSource::Path(path) = &self.source { Some(path) } else { None }
    }

    /// Its name in errors.
    pub(super) fn called_in_errors(&self) -> String {
        self.as_path().map_or_else(|| self.called.clone(), |path| path.to_string_lossy().into_owned())
    }

    /// Its path in the record.
    pub(super) fn in_record(&self) -> PathBuf {
        self.as_path().unwrap_or(&self.recorded).to_owned()
    }

    /// Takes the source. A source without a path can be opened once.
    pub(super) fn take_source(&mut self) -> InputSource {
        match &self.source {
            InputSource::Path(path) => InputSource::Path(path.clone()),
            InputSource::Connected => InputSource::Connected,
            _ => {
                let nothing = InputSource::Batches { schema: Arc::new(Schema::empty()), batches: Vec::new() };
                std::mem::replace(&mut self.source, nothing)
            }
        }
    }
}

impl From<&str> for InputSpec {
    fn from(path: &str) -> Self {
        Self::path(path)
    }
}

impl From<&Path> for InputSpec {
    fn from(path: &Path) -> Self {
        Self::path(path)
    }
}

impl From<PathBuf> for InputSpec {
    fn from(path: PathBuf) -> Self {
        Self::path(path)
    }
}

impl From<RecordBatch> for InputSpec {
    fn from(batch: RecordBatch) -> Self {
        Self::batches(batch.schema(), vec![batch])
    }
}
