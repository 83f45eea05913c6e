//! Where an output goes, as a caller gives it: a path, a file that is open, any writer, or back to the caller as record
//! batches or as a segment. The check of it is `outputs.rs`'s.

use crate::output::{HandOver, OutputBatches, OutputHandle};
use longshore_protocol::OutputName;
use longshore_segment::Segment;
use longshore_table::{FileFormat, WriteOptions};
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where an output goes.
#[derive(Debug)]
#[non_exhaustive]
pub struct OutputSpec {
    /// The output; counted up where it is left out.
    pub name: Option<OutputName>,
    /// The place.
    pub target: OutputTarget,
    /// Its format, where no suffix says it.
    pub format: Option<FileFormat>,
    /// How its text is written.
    pub write: WriteOptions,
    /// What stands for it in errors and in the record, where it has no path.
    pub called: String,
}

/// A place for an output. Nothing is put there unless the run succeeds, and nothing of one output unless all can be
/// written. Only what a block with the mode `stream` writes to a file that is open or to a writer gets there row by row,
/// while the block runs.
#[non_exhaustive]
pub enum OutputTarget {
    /// A file, which appears under its name when the run has succeeded, together with those of all other outputs; or a
    /// named pipe or a device, which is written to then.
    Path(PathBuf),
    /// A file, a pipe or a socket that is open, from where it stands. Cancelling the run is heard while it takes nothing.
    File(File),
    /// A writer. It gets the bytes of the whole file, on a thread that may block; what it fails with fails the run, but for
    /// [`std::io::ErrorKind::BrokenPipe`], which means that it wants no more. Outputs for writers are written before files
    /// get their names, since what a writer has taken cannot be taken back.
    Writer(Box<dyn Write + Send>),
    /// The caller, as record batches. They are in a temporary file until they are read.
    Batches(HandOver<OutputBatches>),
    /// The caller, as an Arrow stream in shared memory.
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

    /// A file, a named pipe or a device. Its suffix says the format.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::new(OutputTarget::Path(path.into()), "")
    }

    /// A file that is open, in a format.
    #[must_use]
    pub fn file(file: File, format: FileFormat) -> Self {
        Self::new(OutputTarget::File(file), "an open file").format(format)
    }

    /// A writer, which gets a file of this format.
    #[must_use]
    pub fn writer(writer: impl Write + Send + 'static, format: FileFormat) -> Self {
        Self::new(OutputTarget::Writer(Box::new(writer)), "a writer").format(format)
    }

    /// Record batches, which the handle has when the run has succeeded.
    #[must_use]
    pub fn batches() -> (Self, OutputHandle<OutputBatches>) {
        let (hand_over, handle) = OutputHandle::new();
        (Self::new(OutputTarget::Batches(hand_over), "record batches"), handle)
    }

    /// A segment, which the handle has when the run has succeeded.
    #[must_use]
    pub fn segment() -> (Self, OutputHandle<Segment>) {
        let (hand_over, handle) = OutputHandle::new();
        (Self::new(OutputTarget::Segment(hand_over), "a segment"), handle)
    }

    /// Of the output with this number, from 0.
    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        self.name = Some(OutputName::Number(number));
        self
    }

    /// Of the output that the block declares under this id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.name = Some(OutputName::Id(id.into()));
        self
    }

    /// In this format, whatever a suffix says.
    #[must_use]
    pub fn format(mut self, format: FileFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Written in this way.
    #[must_use]
    pub fn write(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// With this name in errors and in the record, where it has no path.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.called = name.into();
        self
    }

    /// Its path, where it has one.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        if let OutputTarget::Path(path) = &self.target { Some(path) } else { None }
    }

    /// What stands for it in errors and in the record.
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
