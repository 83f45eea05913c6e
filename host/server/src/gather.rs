//! What a caller sends before its run starts: the submission, files of the block, tables, open files. Nothing that it
//! says is believed: paths stay below a folder of ours, and what it sends is counted.

use longshore::block::{BYTES_MAX, FILES_MAX};
use longshore::table::budget;
use longshore_os::folder::Folder;
use longshore_os::locked_folder::LockedFolder;
use longshore_protocol::{FromCaller, Payload, Submission, SubmittedBlock, is_file_path};
use longshore_run::submission::Along;
use longshore_segment::{Segment, SegmentError, SegmentFile, Taken};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The most tables and open files of a run, and of all steps of a chain together.
pub(crate) const TABLES_MAX: usize = 256;

/// What a caller sends is wrong, or cannot be kept.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct GatherError(pub(crate) String);

/// What a caller has sent.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) submission: Submission,
    pub(crate) along: Along,
    /// Removed with all that is in it.
    pub(crate) folder: Option<LockedFolder>,
    /// The memory of tables that came in parts.
    pub(crate) credits: Vec<Taken>,
}

/// What a caller has sent so far. Its methods may block.
#[derive(Debug)]
pub(crate) struct Gathering {
    work_folder: PathBuf,
    submission: Submission,
    along: Along,
    files: Option<Files>,
    /// The table that is coming in parts.
    table: Option<(u32, SegmentFile)>,
    credits: Vec<Taken>,
}

impl Gathering {
    pub(crate) fn new(submission: Submission, work_folder: PathBuf) -> Self {
        Self { work_folder, submission, along: Along::default(), files: None, table: None, credits: Vec::new() }
    }

    /// Names the block whose files are sent along, before the first of them.
    pub(crate) fn call(&mut self, block: &str) {
        if let SubmittedBlock::Files { name, .. } = &mut self.submission.block {
            block.clone_into(name);
        }
    }

    /// Whether taking a message may wait for a disk, or for the processor for long. Others are descriptors and marks.
    pub(crate) fn may_block(message: &FromCaller, payload: &Payload) -> bool {
        match message {
            FromCaller::File { .. } => true,
            FromCaller::Table { .. } => !matches!(payload, Payload::Descriptor { .. }),
            _ => false,
        }
    }

    /// Takes a message. Returns whether it was the last.
    pub(crate) fn take(&mut self, message: FromCaller, payload: Payload) -> Result<bool, GatherError> {
        if self.tables() > TABLES_MAX {
            return Err(GatherError(format!("a run has at most {TABLES_MAX} tables")));
        }
        if !matches!(message, FromCaller::Table { .. }) {
            self.check_between_tables()?;
        }
        match message {
            FromCaller::File { path, executable, last, .. } => {
                self.file(&path, executable, last, &payload.into_bytes())?;
            }
            FromCaller::Table { input, last, .. } => self.part_of_table(input, last, payload)?,
            FromCaller::Source { input, .. } => self.along.sources.push((input, open_file(payload)?)),
            FromCaller::Sink { output, .. } => self.along.sinks.push((output, open_file(payload)?)),
            FromCaller::Start => return Ok(true),
            FromCaller::Submit(_) | FromCaller::Chain(_) | FromCaller::Sent | FromCaller::Cancel | FromCaller::Kill => {
                return Err(GatherError("the run was not started yet".into()));
            }
        }
        Ok(false)
    }

    /// The tables and open files so far.
    pub(crate) fn tables(&self) -> usize {
        self.along.sources.len() + self.along.tables.len() + self.along.sinks.len()
    }

    /// Checks that no table is coming in parts.
    pub(crate) fn check_between_tables(&self) -> Result<(), GatherError> {
        match &self.table {
            None => Ok(()),
            Some(_) => Err(GatherError("a table was not sent to its end".into())),
        }
    }

    /// All of it.
    pub(crate) fn end(mut self) -> Result<Gathered, GatherError> {
        let folder = match self.files.take() {
            None => None,
            Some(files) => {
                if let Some((path, _)) = files.begun {
                    return Err(GatherError(format!("the file `{path}` was not sent to its end")));
                }
                self.along.folder = Some(files.folder.path().to_owned());
                Some(files.owner)
            }
        };
        Ok(Gathered { submission: self.submission, along: self.along, folder, credits: self.credits })
    }

    fn file(&mut self, path: &str, executable: bool, last: bool, bytes: &[u8]) -> Result<(), GatherError> {
        let SubmittedBlock::Files { name, .. } = &self.submission.block else {
            return Err(GatherError("a file was sent along, and the block is a path".into()));
        };
        let files = match &mut self.files {
            Some(files) => files,
            files @ None => files.insert(Files::new(name, &self.work_folder)?),
        };
        files.take(path, executable, last, bytes)
    }

    fn part_of_table(&mut self, input: u32, last: bool, payload: Payload) -> Result<(), GatherError> {
        let failed = |error: SegmentError| GatherError(format!("the table of input {input}: {error}"));
        if let Payload::Descriptor { descriptor, length } = payload {
            let segment = Segment::receive(descriptor, length).map_err(failed)?;
            self.along.tables.push((input, segment));
            return Ok(());
        }
        let (number, mut file) = match self.table.take() {
            Some(begun) => begun,
            None => (input, SegmentFile::create().map_err(failed)?),
        };
        if number != input {
            return Err(GatherError(format!("the table of input {number} was not sent to its end")));
        }
        let bytes = payload.into_bytes();
        let credit = budget::host().take(bytes.len() as u64);
        self.credits.push(credit.map_err(|error| GatherError(format!("the table of input {input}: {error}")))?);
        file.write_all(&bytes).map_err(|error| failed(SegmentError::Write(error)))?;
        if last {
            self.along.tables.push((input, file.seal().map_err(failed)?));
        } else {
            self.table = Some((input, file));
        }
        Ok(())
    }
}

fn open_file(payload: Payload) -> Result<File, GatherError> {
    match payload {
        Payload::Descriptor { descriptor, .. } => Ok(descriptor.into()),
        Payload::None | Payload::Inline(_) => Err(GatherError("an open file is a descriptor".into())),
    }
}

/// The files of a block, in a new folder.
#[derive(Debug)]
struct Files {
    owner: LockedFolder,
    folder: Folder,
    begun: Option<(String, File)>,
    written: BTreeSet<String>,
    bytes: u64,
}

impl Files {
    fn new(name: &str, work_folder: &Path) -> Result<Self, GatherError> {
        let failed = |error| GatherError(format!("cannot keep the block's files: {error}"));
        let owner = LockedFolder::temporary(work_folder).map_err(failed)?;
        let is_name = is_file_path(name) && !name.contains('/');
        let name = OsStr::new(if is_name { name } else { "block" });
        let folder = owner.folder().make_folder(name, 0o700).map_err(failed)?;
        Ok(Self { owner, folder, begun: None, written: BTreeSet::new(), bytes: 0 })
    }

    fn take(&mut self, path: &str, executable: bool, last: bool, bytes: &[u8]) -> Result<(), GatherError> {
        let wrong = |reason: &str| GatherError(format!("the file `{path}` of the block: {reason}"));
        let failed = |error: std::io::Error| wrong(&error.to_string());
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > BYTES_MAX {
            return Err(wrong(&format!("a block has at most {BYTES_MAX} bytes")));
        }
        let mut file = match self.begun.take() {
            Some((begun, file)) if begun == path => file,
            Some((begun, _)) => return Err(GatherError(format!("the file `{begun}` was not sent to its end"))),
            None => {
                self.check(path).map_err(|reason| wrong(&reason))?;
                let mode = if executable { 0o700 } else { 0o600 };
                self.folder.make_file_below(Path::new(path), mode).map_err(failed)?
            }
        };
        file.write_all(bytes).map_err(failed)?;
        if !last {
            self.begun = Some((path.to_owned(), file));
        }
        Ok(())
    }

    fn check(&mut self, path: &str) -> Result<(), String> {
        if !is_file_path(path) {
            return Err("it is not a path below the block's folder".into());
        }
        if self.written.len() == FILES_MAX {
            return Err(format!("a block has at most {FILES_MAX} files"));
        }
        if !self.written.insert(path.to_owned()) {
            return Err("it was sent twice".into());
        }
        Ok(())
    }
}
