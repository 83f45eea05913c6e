//! A table to read: a file that has been checked, and can be read as often as is needed. Whatever a library makes of a
//! damaged file, also a panic, is an error of the table.

use super::dialect::detect;
use super::encoding::{self, Decoded};
use super::error::TableError;
use super::findings::Findings;
use super::format::{Compression, FileFormat, Format};
use super::guard::{Panicked, guarded};
use super::ipc::{Fault, IpcFile, IpcStream};
use super::options::ReadOptions;
use super::parquet_file::ParquetFile;
use super::signature;
use super::slices::Plain;
use super::{csv, json};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use encoding_rs::Encoding;
use flate2::read::MultiGzDecoder;
use longshore_segment::{Segment, Side, plain_schema};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Bytes of a text from whose look its dialect is known.
const HEAD_BYTES: u64 = 256 << 10;

/// Batches of a table.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, TableError>> + Send>;

/// A table to read.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: File,
    format: FileFormat,
    options: Box<ReadOptions>,
    /// Of a text that is not UTF-8.
    encoding: Option<&'static Encoding>,
    schema: SchemaRef,
    rows: Option<u64>,
    content: Content,
}

/// What the check of a file found that reading it needs.
#[derive(Debug)]
enum Content {
    Text(Box<csv::Layout>),
    Json(json::Layout),
    Parquet(Box<ParquetFile>),
    /// Read from its start each time.
    Arrow,
}

impl Source {
    /// Opens and checks a file. Text formats are read through once, so that whatever is wrong is found now.
    ///
    /// # Errors
    /// [`TableError`] says what is wrong with the file.
    pub fn open(path: &Path, format: FileFormat) -> Result<Self, TableError> {
        Self::open_as(path, format, &ReadOptions::default())
    }

    /// Opens and checks a file that is to be read as the options say.
    ///
    /// # Errors
    /// As [`Source::open`], and where the file is not as the options say.
    pub fn open_as(path: &Path, format: FileFormat, options: &ReadOptions) -> Result<Self, TableError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(TableError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(TableError::Read { path: path.to_owned(), source }),
        };
        Self::check(path, file, format, options)
    }

    /// Takes a table from a reader that cannot be read twice, such as standard input: it is kept in a temporary file
    /// without a name. `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn spool(
        name: &str,
        mut reader: impl Read,
        format: FileFormat,
        options: &ReadOptions,
    ) -> Result<Self, TableError> {
        use rustix::fs::{Mode, OFlags, open};
        let path = Path::new(name);
        let failed = |source| TableError::Read { path: path.to_owned(), source };
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file = open(std::env::temp_dir(), flags, Mode::RUSR | Mode::WUSR).map_err(|errno| failed(errno.into()))?;
        let mut file = File::from(file);
        std::io::copy(&mut reader, &mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Self::check(path, file, format, options)
    }

    /// A file that is open already, and may have no name. `path` stands for it in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub(crate) fn of(path: &Path, file: File, format: FileFormat) -> Result<Self, TableError> {
        Self::check(path, file, format, &ReadOptions::default())
    }

    fn check(path: &Path, file: File, format: FileFormat, options: &ReadOptions) -> Result<Self, TableError> {
        let is_text = matches!(format.format, Format::Csv | Format::Tsv);
        if !is_text && !options.is_empty() {
            return Err(TableError::NoOptions { path: path.to_owned(), format: format.to_string() });
        }
        if let Err(reason) = options.check() {
            return Err(TableError::Unreadable { path: path.to_owned(), reason });
        }
        let metadata = file.metadata().map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        if metadata.is_dir() {
            return Err(TableError::Folder { path: path.to_owned() });
        }
        // Without a row NDJSON has no bytes: it has no header.
        if metadata.len() == 0 && format != (FileFormat { format: Format::Ndjson, compression: Compression::None }) {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        let schema = SchemaRef::new(Schema::empty());
        let options = Box::new(options.clone());
        let mut source = Self {
            path: path.to_owned(),
            file,
            format,
            options,
            encoding: None,
            schema,
            rows: None,
            content: Content::Arrow,
        };
        // What is said to be in an encoding need not look like text in another.
        if source.options.encoding.is_none() {
            signature::check(path, format, source.reopen()?, || source.unpacked())?;
        }
        source.encoding = source.find_encoding()?;
        guarded(|| source.look()).unwrap_or_else(|panicked| Err(gave_up(path, &panicked)))?;
        Ok(source)
    }

    /// Looks at the content, as far as its format needs to be.
    fn look(&mut self) -> Result<(), TableError> {
        match self.format.format {
            Format::Csv | Format::Tsv => {
                let mut head = Vec::new();
                let read = self.text()?.take(HEAD_BYTES).read_to_end(&mut head);
                read.map_err(|source| TableError::Read { path: self.path.clone(), source })?;
                let all = (head.len() as u64) < HEAD_BYTES;
                let detected = detect(&self.path, self.format.format, &self.options, &head, all)?;
                let mut layout = csv::scan_ahead(&self.path, detected, &self.options, self.text()?)?;
                if let Some(encoding) = self.encoding {
                    layout.findings.options.insert("encoding".into(), encoding.name().to_ascii_lowercase());
                }
                self.schema = SchemaRef::clone(&layout.schema);
                self.rows = Some(layout.rows);
                self.content = Content::Text(Box::new(layout));
            }
            Format::Ndjson => {
                let layout = json::scan(&self.path, BufReader::with_capacity(BUFFER_BYTES, self.text()?))?;
                self.schema = SchemaRef::clone(&layout.schema);
                self.rows = Some(layout.rows);
                self.content = Content::Json(layout);
            }
            Format::Parquet => {
                let file = ParquetFile::open(&self.path, self.reopen()?)?;
                self.schema = plain_schema(file.schema(), Side::Input);
                self.rows = Some(file.rows());
                self.content = Content::Parquet(Box::new(file));
            }
            Format::ArrowFile => {
                let file = IpcFile::open(self.reopen()?).map_err(|fault| fault.of(&self.path))?;
                self.schema = plain_schema(&file.schema(), Side::Input);
                self.rows = Some(file.rows());
            }
            Format::ArrowStream => {
                let stream = IpcStream::open(self.text()?).map_err(|fault| fault.of(&self.path))?;
                self.schema = plain_schema(&stream.schema(), Side::Input);
            }
        }
        Ok(())
    }

    /// The table's columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The number of rows, where the file says so without being read.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Reads the table, from its start.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn batches(&self) -> Result<Batches, TableError> {
        let batches = guarded(|| self.raw_batches()).unwrap_or_else(|panicked| Err(gave_up(&self.path, &panicked)))?;
        Ok(Box::new(Guarded { batches: Some(batches), path: self.path.clone() }))
    }

    /// The whole table as a segment, where it need not be decoded first: an Arrow file of flat columns that are all in
    /// order, of up to `limit` bytes.
    pub(crate) fn segment(&self, limit: u64) -> Option<Segment> {
        let is_file = self.format.format == Format::ArrowFile;
        let file = is_file.then(|| self.reopen().ok()).flatten()?;
        // What is wrong with it, the decoder says.
        guarded(|| IpcFile::open(file).ok()?.segment(&self.schema, limit)).ok()?
    }

    fn raw_batches(&self) -> Result<Batches, TableError> {
        let path = self.path.clone();
        let plain = |batches: Batches| Box::new(Plain::new(batches, self.path.clone(), self.schema()));
        Ok(match &self.content {
            Content::Text(layout) => Box::new(csv::stored(&path, layout, self.text()?)?),
            Content::Json(layout) => {
                let text = BufReader::with_capacity(BUFFER_BYTES, self.text()?);
                Box::new(json::JsonBatches::new(&path, layout, text, json::Pace::Stored))
            }
            Content::Parquet(file) => plain(file.batches(&path, &self.reopen()?)?),
            Content::Arrow if self.format.format == Format::ArrowFile => {
                let mut file = IpcFile::open(self.reopen()?).map_err(|fault| fault.of(&path))?;
                plain(Box::new(std::iter::from_fn(move || file.next().map_err(|fault| fault.of(&path)).transpose())))
            }
            Content::Arrow => plain(stream_batches(&path, IpcStream::open(self.text()?))?),
        })
    }

    /// The file from its start, with an offset of its own: several readers may be at work.
    pub(crate) fn reopen(&self) -> Result<File, TableError> {
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
            .map_err(|source| TableError::Read { path: self.path.clone(), source })
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> FileFormat {
        self.format
    }

    /// How the content is read, where it is text.
    #[must_use]
    pub fn findings(&self) -> Option<&Findings> {
        match &self.content {
            Content::Text(layout) => Some(&layout.findings),
            _ => None,
        }
    }

    /// The text in UTF-8.
    fn text(&self) -> Result<Box<dyn Read + Send>, TableError> {
        let text = self.unpacked()?;
        Ok(match self.encoding {
            Some(encoding) => Box::new(Decoded::new(text, encoding)),
            None => text,
        })
    }

    /// The encoding, where it is not UTF-8: the one that is said, or that the first bytes are a mark of.
    fn find_encoding(&self) -> Result<Option<&'static Encoding>, TableError> {
        if !matches!(self.format.format, Format::Csv | Format::Tsv | Format::Ndjson) {
            return Ok(None);
        }
        if let Some(name) = &self.options.encoding {
            let named =
                encoding::named(name).map_err(|reason| TableError::Unreadable { path: self.path.clone(), reason })?;
            return Ok(Some(named).filter(|encoding| *encoding != encoding_rs::UTF_8));
        }
        let mut head = Vec::new();
        let read = self.unpacked()?.take(4).read_to_end(&mut head);
        read.map_err(|source| TableError::Read { path: self.path.clone(), source })?;
        Ok(encoding::marked(&head))
    }

    /// The content without the compression around it.
    fn unpacked(&self) -> Result<Box<dyn Read + Send>, TableError> {
        decompress(self.reopen()?, self.format.compression)
            .map_err(|source| TableError::Read { path: self.path.clone(), source })
    }
}

/// The batches of a stream, as they come.
pub(super) fn stream_batches<R: Read + Send + 'static>(
    path: &Path,
    stream: Result<IpcStream<R>, Fault>,
) -> Result<Batches, TableError> {
    let path = path.to_owned();
    let mut stream = stream.map_err(|fault| fault.of(&path))?;
    Ok(Box::new(std::iter::from_fn(move || stream.next().map_err(|fault| fault.of(&path)).transpose())))
}

/// What a reader's panic says of the file.
pub(super) fn gave_up(path: &Path, panicked: &Panicked) -> TableError {
    TableError::Damaged { path: path.to_owned(), reason: format!("its reader gave up: {}", panicked.words) }
}

/// Batches of a reader that may panic. Nothing follows an error.
pub(super) struct Guarded {
    pub(super) batches: Option<Batches>,
    pub(super) path: PathBuf,
}

impl Iterator for Guarded {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.batches.as_mut()?;
        let next = guarded(|| batches.next()).unwrap_or_else(|panicked| Some(Err(gave_up(&self.path, &panicked))));
        if !matches!(next, Some(Ok(_))) {
            self.batches = None;
        }
        next
    }
}

/// The content of a file without the compression around it.
pub(super) fn decompress(file: File, compression: Compression) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, file))),
        Compression::Zstd => Box::new(zstd::Decoder::new(file)?),
    })
}
