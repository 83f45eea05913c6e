//! The list of parts in an archive, all read from one file that stays open. Every name in it is safe and unique; links
//! lead only to other parts.

use super::entry_name::{follow, normal, shown};
use super::fault::{ArchiveFault, TarFault};
use super::limits::PARTS_MAX;
use super::tar_walk::{End, Source, TarWalk, is_link, kind_name};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// An archive whose parts can be read.
#[derive(Debug)]
pub(super) struct Contents {
    file: File,
    parts: BTreeMap<String, Place>,
}

#[derive(Debug, Clone)]
enum Place {
    Folder,
    File { at: u64, size: u64 },
    Link(String),
}

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: String,
    /// Its size.
    pub(super) size: u64,
    at: u64,
}

impl Contents {
    /// Reads the list of an uncompressed archive.
    pub(super) fn read(file: File) -> Result<Self, ArchiveFault> {
        let size = file.metadata().map_err(ArchiveFault::Read)?.len();
        let mut walk = TarWalk::new(Section { file: &file, at: 0, left: size }, End::Marked, PARTS_MAX as u64);
        let mut parts = BTreeMap::new();
        while let Some(entry) = walk.next().map_err(ArchiveFault::Tar)? {
            let name = text(entry.name).map_err(ArchiveFault::Tar)?;
            let place = if entry.kind.is_dir() {
                Place::Folder
            } else if entry.kind.is_file() {
                Place::File { at: entry.at, size: entry.size }
            } else if is_link(entry.kind) {
                // A hard link is relative to the archive's root, a symbolic link to its own folder; neither to the
                // machine's root.
                let base = if entry.kind.is_hard_link() { &b""[..] } else { name.as_bytes() };
                let escapes = || TarFault::LinkEscapes { name: name.clone(), target: shown(&entry.link) };
                let target = if entry.link.starts_with(b"/") { Err(escapes()) } else { follow(base, &entry.link) };
                Place::Link(target.and_then(text).map_err(|_| ArchiveFault::Tar(escapes()))?)
            } else {
                return Err(ArchiveFault::Tar(TarFault::Kind { name, kind: kind_name(entry.kind) }));
            };
            // Folders may occur twice, since they have no content to confuse.
            let is_folder = matches!(place, Place::Folder);
            let before = parts.insert(name.clone(), place);
            if !matches!((before, is_folder), (None, _) | (Some(Place::Folder), true)) {
                return Err(ArchiveFault::Tar(TarFault::Duplicate { name }));
            }
        }
        drop(walk);
        Ok(Self { file, parts })
    }

    /// Whether a part of this name exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.contains_key(name)
    }

    /// The part to which `named_by` refers by this name.
    pub(super) fn part(&self, name: &str, named_by: &str) -> Result<Part, ArchiveFault> {
        let missing = || ArchiveFault::Missing { part: shown(name.as_bytes()), named_by: named_by.to_owned() };
        let plain = normal(name.as_bytes()).and_then(text).map_err(ArchiveFault::Tar)?;
        let place = match self.parts.get(&plain) {
            // `docker save` writes a repeated layer as a link to the first one, never to another link.
            Some(Place::Link(target)) => self.parts.get(target),
            place => place,
        };
        match place {
            Some(Place::File { at, size }) => Ok(Part { name: plain, size: *size, at: *at }),
            _ => Err(missing()),
        }
    }

    /// All bytes of a small part.
    pub(super) fn bytes(&self, part: &Part, max: u64) -> Result<Vec<u8>, ArchiveFault> {
        if part.size > max {
            return Err(ArchiveFault::PartTooLarge { part: part.name.clone(), size: part.size, max });
        }
        let mut bytes = Vec::new();
        self.open(part).read_to_end(&mut bytes).map_err(ArchiveFault::Read)?;
        Ok(bytes)
    }

    /// A reader of a part. Several may be open at the same time.
    pub(super) fn open(&self, part: &Part) -> Section<'_> {
        Section { file: &self.file, at: part.at, left: part.size }
    }
}

fn text(name: Vec<u8>) -> Result<String, TarFault> {
    String::from_utf8(name).map_err(|error| TarFault::NameNotText { name: shown(error.as_bytes()) })
}

/// A section of a file.
#[derive(Debug)]
pub(super) struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..want], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

impl Source for Section<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let skipped = bytes.min(self.left);
        self.at += skipped;
        self.left -= skipped;
        Ok(skipped)
    }
}
