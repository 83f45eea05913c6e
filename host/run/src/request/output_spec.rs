//! The target of an output, as a caller gives it: a path, an open file, any writer, or the caller itself, which gets
//! record batches or a segment. `outputs.rs` checks it.

use crate::output::{HandOver, OutputBatches, OutputHandle};
use longshore_protocol::OutputName;
use longshore_segment::Segment;
use longshore_table::{FileFormat, WriteOptions};
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The target of an output.
#[derive(Debug)]
#[non_exhaustive]
pub struct OutputSpec {
    /// The output; counted up if it is left out.
    pub name: Option<OutputName>,
    /// The target.
    pub target: OutputTarget,
    /// Its format, if no suffix implies it.
    pub format: Option<FileFormat>,
    /// How its text is written.
    pub write: WriteOptions,
    /// Its name in errors and in the record, if it has no path.
    pub called: String,
}

/// The target of an output. It gets nothing unless the run succeeds and all outputs can be written. The exception is a
/// block with the mode `stream` that writes to an open file or a writer: rows are sent while the block runs.
#[non_exhaustive]
pub enum OutputTarget {
    /// A file, which appears under its name when the run has succeeded, together with those of all other outputs; or a
    /// named pipe or a device, which is written to at that time.
    Path(PathBuf),
    /// An open file, pipe or socket, from its current position. A cancel takes effect while it accepts no data.
    File(File),
    /// A writer. It gets the bytes of the whole file, on a thread that may block. Its errors fail the run, except
    /// [`std::io::ErrorKind::BrokenPipe`], which means that it needs no more data. Writers are served before files get
    /// their names, because data sent to a writer cannot be taken back.
    Writer(Box<dyn Write + Send>),
    /// The caller, which gets record batches. They are in a temporary file until they are read.
    Batches(HandOver<OutputBatches>),
    /// The caller, which gets an Arrow stream in shared memory.
    Segment(HandOver<Segment>),
}

impl fmt::Debug for OutputTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Writer(_) => f.write_str("Writer"),
            Self::Batches(_) => f.write_str("Batches"),
            Self::Segment(_) => f.write_str("Segment"),
        }
    }
}

impl OutputSpec {
    fn new(target: OutputTarget, called: &str) -> Self {
        Self { name: None, target, format: None, write: WriteOptions::default(), called: called.to_owned() }
    }

    /// A file, a named pipe or a device. Its suffix implies the format.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::new(OutputTarget::Path(path.into()), "")
    }

    /// An open file, written in this format.
    #[must_use]
    pub fn file(file: File, format: FileFormat) -> Self {
        Self::new(OutputTarget::File(file), "an open file").format(format)
    }

    /// A writer, which gets a file of this format.
    #[must_use]
    pub fn writer(writer: impl Write + Send + 'static, format: FileFormat) -> Self {
        Self::new(OutputTarget::Writer(Box::new(writer)), "a writer").format(format)
    }

    /// Record batches, which the handle returns when the run has succeeded.
    #[must_use]
    pub fn batches() -> (Self, OutputHandle<OutputBatches>) {
        let (hand_over, handle) = OutputHandle::new();
        (Self::new(OutputTarget::Batches(hand_over), "record batches"), handle)
    }

    /// A segment, which the handle returns when the run has succeeded.
    #[must_use]
    pub fn segment() -> (Self, OutputHandle<Segment>) {
        let (hand_over, handle) = OutputHandle::new();
        (Self::new(OutputTarget::Segment(hand_over), "a segment"), handle)
    }

    /// Sets the output's number, from 0.
    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        self.name = Some(OutputName::Number(number));
        self
    }

    /// Sets the output by its declared id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.name = Some(OutputName::Id(id.into()));
        self
    }

    /// Sets the format, regardless of the suffix.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets the options of writing.
    #[must_use]
    pub fn write(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// Sets the name in errors and in the record, for a target without a path.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.called = name.into();
        self
    }

    /// Its path, if it has one.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        if let OutputTarget::Path(path) = &self.target { Some(path) } else { None }
    }

    /// Its path or name in errors and in the record.
    pub(super) fn shown(&self) -> PathBuf {
        self.as_path().map_or_else(|| PathBuf::from(&self.called), Path::to_owned)
    }
}

impl From<&str> for OutputSpec {
    fn from(path: &str) -> Self {
        Self::path(path)
    }
}

impl From<&Path> for OutputSpec {
    fn from(path: &Path) -> Self {
        Self::path(path)
    }
}

impl From<PathBuf> for OutputSpec {
    fn from(path: PathBuf) -> Self {
        Self::path(path)
    }
}
