//! The destination of a table's bytes: a file, with a count of bytes, and the compression around it.

use super::allowance::Allowance;
use flate2::write::GzEncoder;
use longshore_model::shown::LogFilter;
use longshore_model::table::Compression;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes buffered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Zstandard's level: its own default.
const ZSTD_LEVEL: i32 = 3;

/// The bytes written to a file.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) bytes: AtomicU64,
    /// The allowance for all bytes; unlimited if it is not set.
    pub(super) allowance: OnceLock<Allowance>,
}

/// A file, and the bytes written to it.
pub(super) struct Counted {
    file: Box<dyn Write + Send>,
    written: Arc<Written>,
    /// Filters cells for a terminal, because they are untrusted text.
    terminal: Option<LogFilter>,
}

impl Counted {
    pub(super) fn new(file: File, written: Arc<Written>) -> Self {
        let terminal = file.is_terminal().then(LogFilter::default);
        Self { file: Box::new(file), written, terminal }
    }

    pub(super) fn of_writer(file: Box<dyn Write + Send>, written: Arc<Written>) -> Self {
        Self { file, written, terminal: None }
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let allowance = self.written.allowance.get();
        if let Some(allowance) = allowance {
            allowance.spend(bytes.len() as u64)?;
        }
        let taken = match &mut self.terminal {
            None => self.file.write(bytes),
            Some(filter) => self.file.write_all(&filter.pass(bytes)).map(|()| bytes.len()),
        };
        let written = *taken.as_ref().unwrap_or(&0);
        if let Some(allowance) = allowance {
            allowance.give_back((bytes.len() - written) as u64);
        }
        self.written.bytes.fetch_add(written as u64, Ordering::Relaxed);
        taken
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// The destination of bytes.
pub(super) enum Output {
    Plain(BufWriter<Counted>),
    Gzip(GzEncoder<BufWriter<Counted>>),
    Zstd(zstd::Encoder<'static, Counted>),
}

impl Output {
    pub(super) fn new(compression: Compression, file: Counted) -> std::io::Result<Self> {
        let gathered = |file| BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(match compression {
            Compression::None => Self::Plain(gathered(file)),
            Compression::Gzip => Self::Gzip(GzEncoder::new(gathered(file), flate2::Compression::default())),
            Compression::Zstd => Self::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
            Compression::Bzip2 | Compression::Zip => {
                return Err(std::io::Error::other("bzip2 and ZIP are supported for reading only"));
            }
        })
    }

    pub(super) fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Plain(mut writer) => writer.flush(),
            Self::Gzip(writer) => writer.finish()?.flush(),
            Self::Zstd(writer) => writer.finish().map(drop),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
            Self::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Gzip(writer) => writer.flush(),
            Self::Zstd(writer) => writer.flush(),
        }
    }
}
