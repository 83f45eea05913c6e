//! A journal of files that are about to be published together: if the host is killed half way, the next start completes
//! it, or removes what was not committed. A journal is locked while its host lives.

use super::destination::Place;
use super::unpublished::{Unpublished, exchange};
use crate::folder::{Folder, Identity};
use crate::small_file;
use rustix::fs::{AtFlags, FlockOperation, flock, fstat, unlinkat};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The line after which everything is published.
const COMMIT: &[u8] = b"commit\n";

/// The most bytes of a journal that are read: 1,000 outputs of 8 KiB each.
const JOURNAL_MAX: u64 = 8 << 20;

/// A journal of this host.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

/// One file to publish. Paths are bytes: they need not be UTF-8.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The folder, without links. Another folder may have this path when the journal is read.
    folder: Vec<u8>,
    folder_identity: Identity,
    name: Vec<u8>,
    temporary: Vec<u8>,
    /// The new file.
    file: Identity,
    /// The machine's boot id: after a restart file systems may have other numbers.
    boot: Option<String>,
}

impl Journal {
    /// Records what is about to be published.
    pub(super) fn begin(state_folder: &Path, run_id: &str, files: &[&Unpublished]) -> io::Result<Self> {
        let entries = files.iter().map(|file| Entry::of(file)).collect::<io::Result<Vec<_>>>()?;
        let folder = folder(state_folder);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let path = folder.join(run_id);
        let mut file = loop {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            // It is gone if another host took it for abandoned before it was locked.
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

    /// From here on all files are published, also by the next start.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.file.write_all(COMMIT)?;
        self.file.sync_all()
    }

    /// Removes the journal: nothing remains to be done.
    pub(super) fn remove(self) {
        // If it stays, the next start finds all files published.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Entry {
    fn of(file: &Unpublished) -> io::Result<Self> {
        let folder = file.place().folder();
        Ok(Self {
            folder: folder.path().as_os_str().as_bytes().to_vec(),
            folder_identity: folder.identity()?,
            name: file.place().name().as_bytes().to_vec(),
            temporary: file.temporary().as_bytes().to_vec(),
            file: file.identity()?,
            boot: boot(),
        })
    }

    fn target(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.folder.clone())).join(OsStr::from_bytes(&self.name))
    }

    /// Publishes or removes the file. Returns whether it was published now.
    fn recover(self, committed: bool) -> io::Result<bool> {
        let is_name = |name: &[u8]| !name.contains(&b'/') && !matches!(name, b"" | b"." | b"..");
        // Temporary names are Longshore's.
        if !is_name(&self.name) || !is_name(&self.temporary) || !self.temporary.starts_with(b".") {
            return Err(io::Error::other("its journal is damaged"));
        }
        let same_boot = self.boot.is_some() && self.boot == boot();
        let path = PathBuf::from(OsString::from_vec(self.folder));
        let folder = Folder::open_exactly(&path)?;
        let found = folder.identity()?;
        if found.number != self.folder_identity.number || same_boot && found != self.folder_identity {
            return Err(io::Error::other(format!("the folder `{}` has been replaced", path.display())));
        }
        let own = Identity { device: if same_boot { self.file.device } else { found.device }, ..self.file };
        let temporary = OsString::from_vec(self.temporary);
        let place = Place::new(folder, OsString::from_vec(self.name));
        let left = place.folder().identity_of(&temporary)?;
        let put = committed && left == Some(own);
        if put {
            exchange(&place, &temporary, own)?;
            place.folder().sync()?;
        }
        // This is now either the previous file or one that is not wanted.
        if left.is_some() {
            let _ = unlinkat(place.folder(), &temporary, AtFlags::empty());
        }
        Ok(put)
    }
}

/// The machine's boot id.
fn boot() -> Option<String> {
    small_file::read_text(Path::new("/proc/sys/kernel/random/boot_id"), small_file::WRITTEN_MAX).ok()
}

/// Whether a file is being published, or was left half published. Reads one folder, which is nearly always empty.
pub fn is_publishing(state_folder: &Path) -> bool {
    std::fs::read_dir(folder(state_folder)).is_ok_and(|mut entries| entries.next().is_some())
}

/// Completes what killed hosts left half published. Returns notes for the user. Blocks.
pub fn recover(state_folder: &Path) -> Vec<String> {
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
        let target = entry.target();
        match entry.recover(committed) {
            Ok(true) => notes
                .push(format!("published `{}` of run {id}, whose host was killed while publishing", target.display())),
            Ok(false) => {}
            Err(error) => notes.push(format!(
                "cannot publish `{}` of run {id}, whose host was killed while publishing: {error}",
                target.display()
            )),
        }
    }
    notes
}

fn folder(state_folder: &Path) -> PathBuf {
    state_folder.join("publishing")
}
