//! The only file of a ZIP archive.

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Seek, SeekFrom};
use zip::{CompressionMethod, ZipArchive};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Files of an archive that an error names.
const NAMES_SHOWN: usize = 5;

/// The place of the file in its archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

impl Entry {
    /// Finds the only file, apart from metadata that operating systems add.
    ///
    /// # Errors
    /// If the archive is damaged, or has no file, more than one, or one that cannot be read.
    pub(super) fn only(file: &File) -> std::io::Result<Self> {
        let mut archive = ZipArchive::new(BufReader::new(file))?;
        let mut found = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index)?;
            let name = entry.name()?.into_owned();
            let is_added = name.starts_with("__MACOSX/") || name.ends_with(".DS_Store") || name.ends_with("Thumbs.db");
            if !entry.is_dir() && !is_added {
                found.push((index, name));
            }
        }
        let (index, name) = match found.as_slice() {
            [only] => only.clone(),
            [] => return Err(invalid("the archive has no file in it")),
            several => {
                let names: Vec<_> = several.iter().take(NAMES_SHOWN).map(|(_, name)| format!("`{name}`")).collect();
                let more = if several.len() > NAMES_SHOWN { ", …" } else { "" };
                let number = several.len();
                return Err(invalid(&format!(
                    "the archive has {number} files, {}{more}: extract the one to read",
                    names.join(", ")
                )));
            }
        };
        let entry = archive.by_index_raw(index)?;
        if entry.encrypted() {
            return Err(invalid(&format!("`{name}` in the archive is encrypted: extract it with its password")));
        }
        let deflated = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(invalid(&format!("`{name}` in the archive is compressed by unsupported {other}")));
            }
        };
        let start = entry.data_start().ok_or_else(|| invalid("the archive has no position of its file"))?;
        let (packed, size, crc) = (entry.compressed_size(), entry.size(), entry.crc32());
        Ok(Self { name, start, packed, size, crc, deflated })
    }

    /// The file's content.
    ///
    /// # Errors
    /// If the archive cannot be read.
    pub(super) fn read(&self, mut archive: File) -> std::io::Result<Box<dyn Read + Send>> {
        archive.seek(SeekFrom::Start(self.start))?;
        let packed = BufReader::with_capacity(BUFFER_BYTES, archive.take(self.packed));
        Ok(if self.deflated { self.checked(DeflateDecoder::new(packed)) } else { self.checked(packed) })
    }

    fn checked(&self, content: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        Box::new(Checked { content, crc: Crc::new(), left: self.size, expected: self.crc })
    }
}

/// Content that is checked against the length and the checksum in the archive.
struct Checked<R> {
    content: R,
    crc: Crc,
    left: u64,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.crc.update(&buffer[..read]);
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| invalid("the file in it is too long"))?;
        if read == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the file in it is truncated"));
            }
            if self.crc.sum() != self.expected {
                return Err(invalid("the checksum of the file in it differs from the one in the archive"));
            }
        }
        Ok(read)
    }
}

fn invalid(words: &str) -> Error {
    Error::new(ErrorKind::InvalidData, words.to_owned())
}
