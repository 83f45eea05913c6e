//! What is being put in place together, written down before: where the host is killed half way, the next start completes
//! it, or takes away what was not begun. A journal is locked while its host lives.

use super::destination::Destination;
use super::unpublished::{Unpublished, exchange, identity};
use rustix::fs::{AtFlags, FlockOperation, flock, fstat, unlinkat};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The line after which all is put in place.
const COMMIT: &[u8] = b"commit\n";

/// Bytes of a journal that are read: 1,000 outputs of 8 KiB each.
const JOURNAL_MAX: u64 = 8 << 20;

/// A journal of this host's.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

/// One file that is put in place.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The place, in bytes: a path need not be a text.
    target: Vec<u8>,
    temporary: Vec<u8>,
    /// The number of the new file.
    number: u64,
}

impl Journal {
    /// Writes down what is about to be put in place.
    pub(super) fn begin(state_folder: &Path, run_id: &str, files: &[&Unpublished]) -> io::Result<Self> {
        let entries = files.iter().map(|file| Entry::of(file)).collect::<io::Result<Vec<_>>>()?;
        let folder = folder(state_folder);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let path = folder.join(run_id);
        let mut file = loop {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            // Gone, if another host took it for abandoned before it was locked.
            if fstat(&file)?.st_nlink > 0 {
                break file;
            }
        };
        serde_json::to_writer(&mut file, &entries)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        File::open(&folder)?.sync_all()?;
        Ok(Self { path, file })
    }

    /// From here on all is put in place, also by the next start.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.file.write_all(COMMIT)?;
        self.file.sync_all()
    }

    /// Nothing is left to be done.
    pub(super) fn remove(self) {
        // Where it stays, the next start finds all in place.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Entry {
    fn of(file: &Unpublished) -> io::Result<Self> {
        let target = file.place().path()?.into_os_string().into_vec();
        Ok(Self { target, temporary: file.temporary().as_bytes().to_vec(), number: file.identity()? })
    }

    /// Puts the file in place, or takes it away. Says whether it was put there now.
    fn recover(self, committed: bool) -> io::Result<Option<PathBuf>> {
        let target = PathBuf::from(OsString::from_vec(self.target));
        let temporary = OsString::from_vec(self.temporary);
        // In its folder, and as the name of a run's.
        let is_name = temporary.as_bytes().starts_with(b".") && !temporary.as_bytes().contains(&b'/');
        let (true, Destination::File(place)) = (is_name, Destination::of(&target)?) else { return Ok(None) };
        let left = identity(&place, &temporary);
        let is_new = left == Some(self.number);
        let put = committed && is_new;
        if put {
            exchange(&place, &temporary)?;
            place.sync()?;
        }
        // Now it is the file that was there before, or one that nobody wants.
        if left.is_some() {
            let _ = unlinkat(place.folder(), &temporary, AtFlags::empty());
        }
        Ok(put.then_some(target))
    }
}

/// Completes what hosts that were killed left half published. Returns what there is to know of it. Blocks.
pub(crate) fn recover(state_folder: &Path) -> Vec<String> {
    let mut notes = Vec::new();
    for entry in std::fs::read_dir(folder(state_folder)).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(file) = File::open(&path) else { continue };
        // Its host lives.
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let id = entry.file_name().to_string_lossy().into_owned();
        notes.extend(complete(&file, &id));
        let _ = std::fs::remove_file(&path);
    }
    notes
}

fn complete(file: &File, id: &str) -> Vec<String> {
    let mut text = Vec::new();
    if file.take(JOURNAL_MAX).read_to_end(&mut text).is_err() {
        return Vec::new();
    }
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let entries = lines.next().and_then(|line| serde_json::from_slice::<Vec<Entry>>(line).ok());
    let committed = lines.next() == Some(COMMIT);
    let mut notes = Vec::new();
    for entry in entries.into_iter().flatten() {
        let target = PathBuf::from(OsString::from_vec(entry.target.clone()));
        match entry.recover(committed) {
            Ok(Some(path)) => notes.push(format!(
                "`{}` of run {id}, whose host was killed while it published, is in place now",
                path.display()
            )),
            Ok(None) => {}
            Err(error) => notes.push(format!(
                "`{}` of run {id}, whose host was killed while it published, cannot be put in place: {error}",
                target.display()
            )),
        }
    }
    notes
}

fn folder(state_folder: &Path) -> PathBuf {
    state_folder.join("publishing")
}
