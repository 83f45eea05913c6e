//! A table in one file, which has been checked, and can be read any number of times. Any failure of a library on a
//! damaged file, including a panic, is an error of the table.

use super::batches::{Batches, Guarded, gave_up, stream_batches};
use super::detect::detect;
use super::encoding::{self, Decoded};
use super::error::TableError;
use super::findings::Findings;
use super::first_look::{lines_before, rows_before};
use super::guard::guarded;
use super::held::{Held, Identity};
use super::ipc::{IpcFile, IpcStream};
use super::json::Form;
use super::parquet_file::ParquetFile;
use super::slices::Plain;
use super::unpack::decompress;
use super::workbook::Sheet;
use super::{csv, json, signature};
use arrow_schema::{Schema, SchemaRef};
use encoding_rs::Encoding;
use longshore_model::table::{Compression, FileFormat, Format, ReadOptions, encoding_named};
use longshore_os::small_file::open_regular;
use longshore_segment::{Segment, Side, plain_schema};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a text from which its dialect is detected.
const HEAD_BYTES: u64 = 256 << 10;

/// Approximate bytes of a text for each compressed byte.
const PACKED: u64 = 8;

/// A table to read.
#[derive(Debug)]
pub(super) struct TableFile {
    path: PathBuf,
    file: Held,
    format: FileFormat,
    options: Box<ReadOptions>,
    /// The encoding of a text that is not UTF-8.
    encoding: Option<&'static Encoding>,
    schema: SchemaRef,
    rows: Option<u64>,
    findings: Option<Box<Findings>>,
    content: Content,
}

/// The results of the check that reading needs.
#[derive(Debug)]
enum Content {
    Text(Box<csv::Layout>),
    Json(json::Layout),
    Parquet(Box<ParquetFile>),
    /// Read from its start each time.
    Arrow,
    /// The rows of a sheet, and how they are read.
    Sheet(Box<(Sheet, csv::Layout)>),
}

impl TableFile {
    /// Opens and checks a file that is read with the given options. Text formats are read through once, so that every
    /// error is found now.
    ///
    /// # Errors
    /// The file's error, or options that do not fit it.
    pub(super) fn open(
        path: &Path,
        format: FileFormat,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(TableError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(TableError::Read { path: path.to_owned(), source }),
        };
        Self::of(path, file, format, options, temporary_folder)
    }

    /// A file that is already open, and may have no name. `path` identifies it in errors.
    ///
    /// # Errors
    /// As [`TableFile::open`].
    pub(super) fn of(
        path: &Path,
        file: File,
        format: FileFormat,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        if let Err(reason) = options.check_fit(format.format) {
            return Err(TableError::NoOption { path: path.to_owned(), reason });
        }
        if let Err(reason) = options.check() {
            return Err(TableError::Unreadable { path: path.to_owned(), reason });
        }
        let metadata = file.metadata().map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        if metadata.is_dir() {
            return Err(TableError::Folder { path: path.to_owned() });
        }
        // NDJSON without rows has no bytes, because it has no header.
        if metadata.len() == 0 && format != (FileFormat { format: Format::Ndjson, compression: Compression::None }) {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        let schema = SchemaRef::new(Schema::empty());
        let options = Box::new(options.clone());
        let mut source = Self {
            path: path.to_owned(),
            file: Held::Open(file),
            format,
            options,
            encoding: None,
            schema,
            rows: None,
            findings: None,
            content: Content::Arrow,
        };
        guarded(|| source.look(temporary_folder)).unwrap_or_else(|panicked| Err(gave_up(path, &panicked)))?;
        Ok(source)
    }

    /// Checks the content, as far as its format requires.
    fn look(&mut self, temporary_folder: &Path) -> Result<(), TableError> {
        // A text in an encoding set by the user need not look like text.
        if self.options.encoding.is_none() {
            signature::check(&self.path, self.format, self.reopen()?, || self.unpacked())?;
        }
        self.encoding = self.find_encoding()?;
        match self.format.format {
            Format::Xlsx => {
                let (sheet, layout) = Sheet::open(&self.path, self.reopen()?, &self.options, temporary_folder)?;
                self.schema = SchemaRef::clone(&layout.schema);
                self.rows = Some(layout.rows);
                self.findings = Some(Box::new(layout.findings.clone()));
                self.content = Content::Sheet(Box::new((sheet, layout)));
            }
            Format::Csv | Format::Tsv => {
                let mut head = Vec::new();
                let read = self.text()?.take(HEAD_BYTES).read_to_end(&mut head);
                read.map_err(|source| TableError::Read { path: self.path.clone(), source })?;
                let all = (head.len() as u64) < HEAD_BYTES;
                let detected = detect(&self.path, self.format.format, &self.options, &head, all)
                    .map_err(|error| lines_before(error, self.format, &head))?;
                let dialect = detected.dialect.clone();
                let text = (head.as_slice(), self.length()?);
                let mut layout = csv::scan_ahead(&self.path, detected, &self.options, text, || self.text())
                    .map_err(|error| rows_before(error, &self.path, self.format, &dialect, &head))?;
                if let Some(encoding) = self.encoding {
                    layout.findings.options.insert("encoding".into(), encoding.name().to_ascii_lowercase());
                }
                self.schema = SchemaRef::clone(&layout.schema);
                self.rows = Some(layout.rows);
                self.findings = Some(Box::new(layout.findings.clone()));
                self.content = Content::Text(Box::new(layout));
            }
            Format::Json | Format::Ndjson => {
                let layout = json::scan_ahead(&self.path, self.form(), &self.options, self.length()?, || self.text())?;
                self.schema = SchemaRef::clone(&layout.schema);
                self.rows = Some(layout.rows);
                self.findings = layout.findings(self.encoding).map(Box::new);
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
    pub(super) fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The table's columns; a column of text without any value has no type.
    pub(super) fn known_schema(&self) -> SchemaRef {
        match &self.content {
            Content::Text(layout) => layout.known_schema(),
            Content::Json(layout) => layout.known_schema(),
            Content::Sheet(sheet) => sheet.1.known_schema(),
            Content::Parquet(_) | Content::Arrow => self.schema(),
        }
    }

    /// The number of rows, if the file states it.
    pub(super) fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Reads the table, from its start.
    ///
    /// # Errors
    /// [`TableError`].
    pub(super) fn batches(&self) -> Result<Batches, TableError> {
        let batches = guarded(|| self.raw_batches()).unwrap_or_else(|panicked| Err(gave_up(&self.path, &panicked)))?;
        Ok(Box::new(Guarded::new(batches, &self.path)))
    }

    /// The whole table as a segment, if it need not be decoded: a valid Arrow file of flat columns, if `fits` accepts
    /// its bytes.
    pub(super) fn segment(&self, fits: &mut dyn FnMut(u64) -> bool) -> Option<Segment> {
        let is_file = self.format.format == Format::ArrowFile;
        let file = is_file.then(|| self.reopen().ok()).flatten()?;
        // The decoder reports any error.
        guarded(|| IpcFile::open(file).ok()?.segment(&self.schema, fits)).ok()?
    }

    fn raw_batches(&self) -> Result<Batches, TableError> {
        let path = self.path.clone();
        let plain = |batches: Batches| Box::new(Plain::new(batches, self.path.clone(), self.schema()));
        Ok(match &self.content {
            Content::Text(layout) => csv::stored(&path, layout, self.text()?)?,
            Content::Json(layout) => json::stored(&path, layout, self.form(), self.text()?)?,
            Content::Sheet(sheet) => csv::stored(&path, &sheet.1, sheet.0.text(&path)?)?,
            Content::Parquet(file) => plain(file.batches(&path, &self.reopen()?)?),
            Content::Arrow if self.format.format == Format::ArrowFile => {
                let mut file = IpcFile::open(self.reopen()?).map_err(|fault| fault.of(&path))?;
                plain(Box::new(std::iter::from_fn(move || file.next().map_err(|fault| fault.of(&path)).transpose())))
            }
            Content::Arrow => plain(stream_batches(&path, IpcStream::open(self.text()?))?),
        })
    }

    /// The file from its start, with an offset of its own, so that several readers can use it at once.
    fn reopen(&self) -> Result<File, TableError> {
        self.file.reopen().map_err(|source| TableError::Read { path: self.path.clone(), source })
    }

    /// The same, without an open descriptor.
    pub(super) fn closed(mut self) -> Result<Self, TableError> {
        let closed = self.file.closed(&self.path);
        self.file = closed.map_err(|source| TableError::Read { path: self.path.clone(), source })?;
        if let Content::Text(layout) = &mut self.content {
            layout.keep_nothing();
        }
        Ok(self)
    }

    /// The number of raw bytes, and the bytes.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn bytes(&self) -> std::io::Result<(u64, Box<dyn Read + Send>)> {
        let file = self.file.reopen()?;
        Ok((Identity::of(&file)?.length, Box::new(file)))
    }

    /// How the objects of JSON are arranged in the text.
    fn form(&self) -> Form<'_> {
        match self.format.format {
            Format::Json => Form::Values(self.options.path.as_deref()),
            _ => Form::Lines,
        }
    }

    /// The file, open or by name.
    pub(super) fn held(&self) -> &Held {
        &self.file
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The layout of the columns, if the file is text or a workbook.
    pub(super) fn layout(&self) -> Option<&csv::Layout> {
        match &self.content {
            Content::Text(layout) => Some(layout),
            Content::Sheet(sheet) => Some(&sheet.1),
            _ => None,
        }
    }

    /// The format.
    pub(super) fn format(&self) -> FileFormat {
        self.format
    }

    /// How the content is read, if it is text.
    pub(super) fn findings(&self) -> Option<&Findings> {
        self.findings.as_deref()
    }

    /// The text in UTF-8.
    fn text(&self) -> Result<Box<dyn Read + Send>, TableError> {
        let text = self.unpacked()?;
        Ok(match self.encoding {
            Some(encoding) => Box::new(Decoded::new(text, encoding)),
            None => text,
        })
    }

    /// Approximate bytes of the text.
    fn length(&self) -> Result<u64, TableError> {
        let length = self.file.length().map_err(|source| TableError::Read { path: self.path.clone(), source })?;
        let packed = self.format.compression != Compression::None;
        Ok(if packed { length.saturating_mul(PACKED) } else { length })
    }

    /// The encoding, if it is not UTF-8: the one that the user sets, or the one of the byte order mark.
    fn find_encoding(&self) -> Result<Option<&'static Encoding>, TableError> {
        if !matches!(self.format.format, Format::Csv | Format::Tsv | Format::Json | Format::Ndjson) {
            return Ok(None);
        }
        if let Some(name) = &self.options.encoding {
            let named =
                encoding_named(name).map_err(|reason| TableError::Unreadable { path: self.path.clone(), reason })?;
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
