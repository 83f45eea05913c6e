//! Detects a file's format by its first bytes, and checks that it matches the suffix.

use super::error::TableError;
use super::ipc::starts_a_stream;
use super::parquet_footer::{MAGIC as PARQUET, MAGIC_ENCRYPTED};
use longshore_model::table::{Compression, FileFormat, Format};
use std::io::Read;
use std::path::Path;

/// Bytes that are examined.
const LENGTH: u64 = 16;

const ARROW: &[u8] = b"ARROW1";
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BZIP2: &[u8] = b"BZh";
const ZIP: &[u8] = b"PK\x03\x04";
const TEXT: &str = "text, such as CSV or JSON";

/// Formats by their first bytes.
const KNOWN: [(&[u8], &str); 17] = [
    (PARQUET, "Parquet"),
    (MAGIC_ENCRYPTED, "encrypted Parquet, which must be decrypted first"),
    (ARROW, "an Arrow file"),
    (&[0xff; 4], "an Arrow stream"),
    (b"FEA1", "Feather of version 1, an old format: write it again as Arrow, with pyarrow or R's package arrow"),
    (GZIP, "something in gzip"),
    (ZSTD, "something in Zstandard"),
    (BZIP2, "something in bzip2"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "something in xz"),
    (ZIP, "a ZIP archive, such as an Excel workbook"),
    (&[0xd0, 0xcf, 0x11, 0xe0], "an old Office document, such as an Excel workbook"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"SQLite format 3", "an SQLite database"),
    (&[0x89, b'H', b'D', b'F'], "HDF5"),
    (&[0xff, 0xfe], TEXT),
    (&[0xfe, 0xff], TEXT),
];

/// Checks that a file has its format. `file` is the raw file, `text` opens its decompressed content.
///
/// # Errors
/// [`TableError::WrongContent`], with what the file looks like.
pub(super) fn check(
    path: &Path,
    format: FileFormat,
    file: impl Read,
    text: impl FnOnce() -> Result<Box<dyn Read + Send>, TableError>,
) -> Result<(), TableError> {
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let outer = first_bytes(file).map_err(failed)?;
    let packed = match format.compression {
        Compression::None => true,
        Compression::Gzip => outer.starts_with(GZIP),
        Compression::Zstd => outer.starts_with(ZSTD),
        Compression::Bzip2 => outer.starts_with(BZIP2),
        Compression::Zip => outer.starts_with(ZIP),
    };
    let head = if format.compression == Compression::None || !packed {
        outer
    } else {
        first_bytes(text()?).map_err(failed)?
    };
    let found = looks_like(&head);
    let fits = match format.format {
        Format::Csv | Format::Tsv | Format::Json | Format::Ndjson => found == TEXT,
        Format::Parquet => head.starts_with(PARQUET),
        Format::ArrowFile => head.starts_with(ARROW),
        Format::ArrowStream => starts_a_stream(&head),
        Format::Xlsx => head.starts_with(ZIP),
    };
    if packed && fits {
        return Ok(());
    }
    Err(TableError::WrongContent { path: path.to_owned(), expected: format.to_string(), found })
}

fn first_bytes(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(LENGTH).read_to_end(&mut head)?;
    Ok(head)
}

fn looks_like(head: &[u8]) -> &'static str {
    match KNOWN.into_iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, name)) => name,
        None if head.contains(&0) => {
            "binary data of no known format, or text that `encoding=` reads, such as `encoding=utf-16le`"
        }
        None => TEXT,
    }
}
