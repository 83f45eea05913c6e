//! Compression of archives and layers: gzip and zstd, recognized by their first bytes when reading, and by the file's
//! name when writing.

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// With gzip.
    Gzip,
    /// With Zstandard.
    Zstd,
}

/// The buffer before a decoder, in bytes.
const BUFFER: usize = 64 << 10;

/// zstd's default level, which is as fast as the disk.
const ZSTD_LEVEL: i32 = 3;

impl Compression {
    /// The compression of data that begins with these bytes.
    pub(super) fn of_start(start: &[u8]) -> Self {
        if start.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else {
            Self::None
        }
    }

    /// The compression of a file to be written, by its name.
    pub fn of_name(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends(&[".gz", ".tgz"]) {
            Self::Gzip
        } else if ends(&[".zst", ".tzst"]) {
            Self::Zstd
        } else {
            Self::None
        }
    }

    /// Decompresses while reading. zstd's own limit of the window, 128 MiB, bounds the memory.
    pub(super) fn reader<'a>(self, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        let packed = BufReader::with_capacity(BUFFER, packed);
        Ok(match self {
            Self::None => Box::new(packed),
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        })
    }

    /// Compresses while writing. It must be finished.
    pub fn writer<W: Write>(self, plain: W) -> io::Result<Packing<W>> {
        Ok(match self {
            Self::None => Packing::None(plain),
            // The same input gives the same bytes: neither header contains a time or a name.
            Self::Gzip => Packing::Gzip(GzEncoder::new(plain, flate2::Compression::default())),
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(plain, ZSTD_LEVEL)?;
                // The checksum detects cut or changed files early.
                encoder.include_checksum(true)?;
                Packing::Zstd(encoder)
            }
        })
    }
}

/// A writer that compresses.
#[allow(missing_debug_implementations, reason = "the encoders of its libraries have none")]
pub enum Packing<W: Write> {
    /// Without compression.
    None(W),
    /// With gzip.
    Gzip(GzEncoder<W>),
    /// With Zstandard.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Packing<W> {
    /// Writes buffered data, and returns the inner writer.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::None(writer) => Ok(writer),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Packing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(writer) => writer.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(writer) => writer.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_cut_ends_are_seen() {
        let names = [("a.tar", Compression::None), ("a.tar.GZ", Compression::Gzip), ("a.tar.zst", Compression::Zstd)];
        for (name, compression) in names {
            assert_eq!(Compression::of_name(Path::new(name)), compression);
            let mut packing = compression.writer(Vec::new()).unwrap();
            packing.write_all(b"some text").unwrap();
            let packed = packing.finish().unwrap();
            assert_eq!(Compression::of_start(&packed), compression);
            let unpack = |bytes: &[u8]| {
                let mut text = Vec::new();
                compression.reader(bytes).and_then(|mut reader| reader.read_to_end(&mut text)).map(|_| text)
            };
            assert_eq!(unpack(&packed).unwrap(), b"some text");
            for length in 1..packed.len() {
                assert!(compression == Compression::None || unpack(&packed[..length]).is_err(), "{length}");
            }
        }
    }
}
