//! Files that the script left in its working folder, part by part, for the host to keep. No process of the script
//! runs any more, so the folder does not change; its content is untrusted. Only regular files are sent, links are not
//! followed, and the block's own files are sent only if the script changed them. The session sends the parts to the
//! host.

use longshore_protocol::limits::{INLINE_MAX, PATH_MAX};
use longshore_protocol::{FromAgent, KeepLimits, LeftOut};
use rustix::fs::OFlags;
use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions, ReadDir};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Maximum depth of folders that are read: each open one costs a descriptor.
const DEPTH_MAX: usize = 64;

/// Identifies an unchanged file: its inode, size and times. Each write updates the time of the last status change,
/// which no process can set.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The block's files as they were unpacked.
#[derive(Debug, Default)]
pub(crate) struct Unchanged(HashMap<String, Stamp>);

impl Unchanged {
    /// Records a complete file.
    pub(crate) fn note(&mut self, path: &str, file: &File) -> std::io::Result<()> {
        self.0.insert(path.into(), Stamp::of(&file.metadata()?));
        Ok(())
    }

    /// The paths of the files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn has(&self, path: &str, metadata: &Metadata) -> bool {
        self.0.get(path) == Some(&Stamp::of(metadata))
    }
}

/// A walk through the working folder.
#[derive(Debug)]
pub(crate) struct Keeper {
    root: PathBuf,
    unchanged: Unchanged,
    left: KeepLimits,
    left_out: LeftOut,
    begun: bool,
    /// The open folders of the walk, each with its path below the working folder.
    within: Vec<(ReadDir, String)>,
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    path: String,
    file: File,
    executable: bool,
    left: u64,
}

/// A step of the walk.
#[derive(Debug)]
pub(crate) enum Step {
    /// A part of a file.
    Part(FromAgent, Vec<u8>),
    /// An entry that is not sent.
    Nothing,
    /// The walk is over.
    Done,
}

impl Keeper {
    /// A walk through `folder` that has not begun.
    pub(crate) fn new(folder: &str, limits: KeepLimits, unchanged: Unchanged) -> Self {
        Self {
            root: PathBuf::from(folder),
            unchanged,
            left: limits,
            left_out: LeftOut::default(),
            begun: false,
            within: Vec::new(),
            open: None,
        }
    }

    /// What was not sent.
    pub(crate) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Ends the walk. The unread rest counts as one file left out.
    pub(crate) fn stop(&mut self) {
        if self.open.take().is_some() || !self.begun || !self.within.is_empty() {
            self.left_out.beyond += 1;
        }
        self.begun = true;
        self.within.clear();
    }

    /// Advances by one part, or one entry of a folder.
    pub(crate) fn step(&mut self) -> Step {
        if let Some(open) = self.open.take() {
            return self.part(open);
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.enter(self.root.clone(), String::new());
        }
        let Some((folder, prefix)) = self.within.last_mut() else {
            return Step::Done;
        };
        match folder.next() {
            None => drop(self.within.pop()),
            Some(Err(_)) => self.left_out.unreadable += 1,
            Some(Ok(entry)) => {
                let name = entry.file_name();
                let path =
                    name.to_str().map(|name| if prefix.is_empty() { name.into() } else { format!("{prefix}/{name}") });
                match path.filter(|path| path.len() <= PATH_MAX) {
                    Some(path) => self.entry(&entry.path(), path),
                    None => self.left_out.unreadable += 1,
                }
            }
        }
        Step::Nothing
    }

    fn entry(&mut self, place: &Path, path: String) {
        match std::fs::symlink_metadata(place) {
            Err(_) => self.left_out.unreadable += 1,
            Ok(metadata) if metadata.is_dir() => self.enter(place.to_owned(), path),
            Ok(metadata) if !metadata.is_file() => self.left_out.special += 1,
            Ok(metadata) if self.unchanged.has(&path, &metadata) => {}
            Ok(_) => match open(place) {
                Err(_) => self.left_out.unreadable += 1,
                Ok((file, metadata)) => self.begin(path, file, &metadata),
            },
        }
    }

    fn enter(&mut self, place: PathBuf, path: String) {
        match std::fs::read_dir(place) {
            _ if self.within.len() >= DEPTH_MAX => self.left_out.beyond += 1,
            Ok(folder) => self.within.push((folder, path)),
            Err(_) => self.left_out.unreadable += 1,
        }
    }

    fn begin(&mut self, path: String, file: File, metadata: &Metadata) {
        if self.left.files == 0 || self.left.bytes < metadata.len() {
            self.left_out.beyond += 1;
            return;
        }
        self.left.files -= 1;
        self.left.bytes -= metadata.len();
        let executable = metadata.permissions().mode() & 0o100 != 0;
        self.open = Some(OpenFile { path, file, executable, left: metadata.len() });
    }

    fn part(&mut self, mut open: OpenFile) -> Step {
        let length = open.left.min(INLINE_MAX as u64);
        let mut bytes = Vec::new();
        let read = open.file.by_ref().take(length).read_to_end(&mut bytes);
        if read.is_err() || bytes.len() as u64 != length {
            // The host discards a file whose last part does not arrive.
            self.left_out.unreadable += 1;
            return Step::Nothing;
        }
        open.left -= length;
        let last = open.left == 0;
        let message = FromAgent::Kept { path: open.path.clone(), executable: open.executable, last };
        self.open = (!last).then_some(open);
        Step::Part(message, bytes)
    }
}

/// Opens a regular file; anything else of that name is an error.
fn open(place: &Path) -> std::io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(std::io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(place)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(std::io::ErrorKind::InvalidInput.into()) }
}
