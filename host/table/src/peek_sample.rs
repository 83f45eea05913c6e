//! A sample of a large text: its beginning, its end, and pieces between them, each of whole lines, in memory.

use super::encoding::marked;
use super::error::TableError;
use longshore_model::table::{Compression, FileFormat, Format, ReadOptions};
use longshore_os::small_file::open_regular;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Minimum bytes of a large text.
const LARGE: u64 = 64 << 20;

/// Bytes of the beginning.
const HEAD: u64 = 1 << 20;

/// Bytes of each other piece.
const PIECE: u64 = 128 << 10;

/// Pieces, including the end.
const PIECES: u64 = 8;

/// A sample.
pub(super) struct Taken {
    pub(super) file: File,
    pub(super) format: FileFormat,
    pub(super) bytes: u64,
    pub(super) of_bytes: u64,
    /// Its number of lines, and the approximate number of the file's.
    lines: u64,
    of_lines: u64,
}

impl Taken {
    /// The approximate number of rows of the file, if the sample has `sampled` rows.
    pub(super) fn rows(&self, sampled: u64) -> u64 {
        let rows = u128::from(sampled) * u128::from(self.of_lines) / u128::from(self.lines.max(1));
        u64::try_from(rows).unwrap_or(u64::MAX)
    }
}

/// Takes a sample; `None` if the file is not large, or not a text whose lines can be found from any position.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn take(
    path: &Path,
    format: Option<FileFormat>,
    options: &ReadOptions,
) -> Result<Option<Taken>, TableError> {
    let format = match (format, &options.format) {
        (Some(format), _) => format,
        (None, Some(name)) => name.parse()?,
        (None, None) => match FileFormat::from_path(path) {
            Ok(format) => format,
            Err(_) => return Ok(None),
        },
    };
    let of_lines = matches!(format.format, Format::Csv | Format::Tsv | Format::Ndjson);
    if !of_lines || format.compression != Compression::None || options.encoding.is_some() || options.rows.is_some() {
        return Ok(None);
    }
    // Reading it reports any error.
    let Ok(file) = open_regular(path) else { return Ok(None) };
    let Ok(metadata) = file.metadata() else { return Ok(None) };
    if !metadata.is_file() || metadata.len() < LARGE {
        return Ok(None);
    }
    gather(&file, format, metadata.len()).map_err(|source| TableError::Read { path: path.to_owned(), source })
}

fn gather(file: &File, format: FileFormat, length: u64) -> std::io::Result<Option<Taken>> {
    let mut text = piece(file, 0, HEAD)?;
    if marked(&text).is_some() {
        return Ok(None);
    }
    let Some(end) = memchr::memrchr(b'\n', &text) else { return Ok(None) };
    text.truncate(end + 1);
    let lines = |text: &[u8]| memchr::memchr_iter(b'\n', text).count() as u64;
    let (head_bytes, head_lines) = (text.len() as u64, lines(&text));
    for number in 1..=PIECES {
        let start = HEAD + (length - HEAD - PIECE) / PIECES * number;
        let is_last = number == PIECES;
        let start = if is_last { length - PIECE } else { start };
        let bytes = piece(file, start, PIECE)?;
        let Some(first) = memchr::memchr(b'\n', &bytes) else { continue };
        let end = if is_last { bytes.len() } else { memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1) };
        text.extend_from_slice(bytes.get(first + 1..end).unwrap_or_default());
    }
    let (bytes, all_lines) = (text.len() as u64, lines(&text));
    // Lines are often shorter at the beginning: the pieces determine the length of those after it.
    let (piece_bytes, piece_lines) = (bytes - head_bytes, all_lines - head_lines);
    let rest = u128::from(length - head_bytes) * u128::from(piece_lines) / u128::from(piece_bytes.max(1));
    let of_lines = head_lines + u64::try_from(rest).unwrap_or(u64::MAX);
    // 2 MiB at most, the beginning and all pieces.
    let mut sample = File::from(memfd_create("longshore-sample", MemfdFlags::CLOEXEC)?);
    sample.write_all(&text)?;
    Ok(Some(Taken { file: sample, format, bytes, of_bytes: length, lines: all_lines, of_lines }))
}

fn piece(file: &File, start: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}
