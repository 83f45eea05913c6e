//! A table for an input, as a caller gives it: a file by its path, a file that is open, any reader, record batches, or a
//! segment. Opening it is `inputs.rs`'s.

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
    /// The input, from 0; counted up where it is left out.
    pub number: Option<usize>,
    /// The name of an input that the block declares.
    pub name: Option<String>,
    /// Where the table is.
    pub source: InputSource,
    /// Its format, where no suffix says it.
    pub format: Option<FileFormat>,
    /// How it is read, where that is not to be looked for.
    pub read: ReadOptions,
    /// What stands for it in errors, where it has no path.
    pub called: String,
    /// What stands for it in the record, where it has no path.
    pub recorded: PathBuf,
}

/// Where a table is.
#[non_exhaustive]
pub enum InputSource {
    /// What a path names: a file, a folder of files, a pattern of their names, a named pipe.
    Path(PathBuf),
    /// A file, a pipe or a socket that is open, from where it stands.
    File(File),
    /// Bytes of a file. They are kept in a temporary file first; a block with the mode `stream` gets their rows as they
    /// arrive. A thread of its own reads them then, which ends when a read returns.
    Reader(Box<dyn Read + Send>),
    /// Record batches, and the columns that all of them have.
    Batches {
        /// The columns.
        schema: SchemaRef,
        /// The batches.
        batches: Vec<RecordBatch>,
    },
    /// Record batches that pass once. They are kept in a temporary file first; a block with the mode `stream` gets them as
    /// they arrive.
    BatchReader(BatchReader),
    /// Shared memory that holds an Arrow stream. It is checked, and copied once when the script reads it.
    Segment(Segment),
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
        }
    }
}

impl InputSpec {
    fn new(source: InputSource, called: &str) -> Self {
        let (called, recorded) = (called.to_owned(), PathBuf::from(called));
        Self { number: None, name: None, source, format: None, read: ReadOptions::default(), called, recorded }
    }

    /// What a path names. Its suffix says its format.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::new(InputSource::Path(path.into()), "")
    }

    /// A file that is open, in a format.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::new(InputSource::File(file), "an open file")
    }

    /// The bytes of a file, which has a format; [`InputSpec::format`] says which, or the block does.
    #[must_use]
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::new(InputSource::Reader(Box::new(reader)), "a reader")
    }

    /// Record batches of a table with these columns.
    #[must_use]
    pub fn batches(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self::new(InputSource::Batches { schema, batches }, "record batches")
    }

    /// Record batches that pass once.
    #[must_use]
    pub fn batch_reader(reader: impl RecordBatchReader + Send + 'static) -> Self {
        Self::new(InputSource::BatchReader(Box::new(reader)), "record batches")
    }

    /// A segment.
    #[must_use]
    pub fn segment(segment: Segment) -> Self {
        Self::new(InputSource::Segment(segment), "a segment")
    }

    /// For the input with this number, from 0.
    #[must_use]
    pub fn number(mut self, number: usize) -> Self {
        self.number = Some(number);
        self
    }

    /// For the input that the block declares under this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// In this format, whatever a suffix says.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Read in this way.
    #[must_use]
    pub fn read(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// With this name in errors and in the record, where it has no path.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.called = name.into();
        self.recorded = PathBuf::from(&self.called);
        self
    }

    /// With this in the record instead of a path.
    #[must_use]
    pub fn recorded_as(mut self, path: impl Into<PathBuf>) -> Self {
        self.recorded = path.into();
        self
    }

    /// Its path, where it has one.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        if let InputSource::Path(path) = &self.source { Some(path) } else { None }
    }

    /// What stands for it in errors.
    pub(super) fn called_in_errors(&self) -> String {
        self.as_path().map_or_else(|| self.called.clone(), |path| path.to_string_lossy().into_owned())
    }

    /// What stands for it in the record.
    pub(super) fn in_record(&self) -> PathBuf {
        self.as_path().unwrap_or(&self.recorded).to_owned()
    }

    /// Takes the source out. What has no path can be opened once.
    pub(super) fn take_source(&mut self) -> InputSource {
        match &self.source {
            InputSource::Path(path) => InputSource::Path(path.clone()),
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
