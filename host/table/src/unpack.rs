//! The decompressed content of a file.

use super::error::TableError;
use super::zip_file;
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use longshore_model::table::{Compression, FileFormat};
use longshore_os::small_file::open_regular;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// The decompressed content of a file.
pub(super) fn decompress(file: File, compression: Compression) -> std::io::Result<Box<dyn Read + Send>> {
    match compression {
        Compression::Zip => Ok(Box::new(zip_file::Entry::only(&file)?.read(file)?)),
        passes => decompress_passing(file, passes),
    }
}

/// The decompressed content of a reader that can be read once.
pub(super) fn decompress_passing(
    reader: impl Read + Send + 'static,
    compression: Compression,
) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, reader))),
        Compression::Zstd => Box::new(zstd::Decoder::new(reader)?),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, reader))),
        Compression::Zip => return Err(std::io::Error::other("a ZIP archive cannot be read from a stream")),
    })
}

/// The format of the only file in a ZIP archive, by its suffix there.
pub(super) fn inside(path: &Path) -> Result<FileFormat, TableError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => TableError::Missing { path: path.to_owned() },
        std::io::ErrorKind::InvalidData => TableError::Unreadable { path: path.to_owned(), reason: source.to_string() },
        _ => TableError::Read { path: path.to_owned(), source },
    };
    let entry = open_regular(path).and_then(|file| zip_file::Entry::only(&file)).map_err(failed)?;
    match FileFormat::from_path(Path::new(&entry.name)) {
        Ok(FileFormat { format, compression: Compression::None }) if !format.is_sought() => {
            Ok(FileFormat { format, compression: Compression::Zip })
        }
        Ok(_) => {
            let reason = format!("`{}` in the archive is not text: extract it first", entry.name);
            Err(TableError::Unreadable { path: path.to_owned(), reason })
        }
        Err(_) => {
            let reason =
                format!("unknown suffix of `{}` in the archive: set the format, such as `format=csv.zip`", entry.name);
            Err(TableError::Unreadable { path: path.to_owned(), reason })
        }
    }
}
