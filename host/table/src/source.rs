//! A table to read: in one file, or in many. It has been checked, and can be read any number of times.

use super::batches::{Batches, Guarded};
use super::error::TableError;
use super::findings::Findings;
use super::parts::Parts;
use super::parts_found;
use super::table_file::TableFile;
use super::unpack::inside;
use arrow_schema::SchemaRef;
use longshore_model::table::{FileFormat, ReadOptions};
use longshore_os::temporary::TemporaryFile;
use longshore_segment::Segment;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A table to read.
#[derive(Debug)]
pub struct Source(Content);

/// Its files.
#[derive(Debug)]
enum Content {
    File(Box<TableFile>),
    Parts(Box<Parts>),
}

impl Source {
    /// Opens and checks a file, a folder of files that form one table, or a pattern of their names, such as
    /// `sales/*.csv`. The suffixes determine the format, if none is given.
    ///
    /// # Errors
    /// As [`Source::open_as`], and if the files do not form one table.
    pub fn find(
        path: &Path,
        format: Option<FileFormat>,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let named = || options.format.as_ref().map(|name| name.parse()).transpose();
        let format = if format.is_some() { format } else { named()? };
        if let Some(files) = parts_found::find(path)? {
            return Ok(Self(Content::Parts(Box::new(Parts::open(path, files, format, options, temporary_folder)?))));
        }
        let format = format.map_or_else(|| Self::format_at(path), Ok)?;
        Self::open_as(path, format, options, temporary_folder)
    }

    /// The format in which a path is read if none is given.
    ///
    /// # Errors
    /// If the name has no known suffix, or the path does not exist.
    pub fn format_at(path: &Path) -> Result<FileFormat, TableError> {
        Ok(match parts_found::find(path)? {
            Some(files) => FileFormat::from_path(&files[0].path)?,
            None if path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("zip")) => inside(path)?,
            None => FileFormat::from_path(path)?,
        })
    }

    /// Opens and checks a file. Text formats are read through once, so that every error is found now.
    ///
    /// # Errors
    /// [`TableError`] with the file's error.
    pub fn open(path: &Path, format: FileFormat, temporary_folder: &Path) -> Result<Self, TableError> {
        Self::open_as(path, format, &ReadOptions::default(), temporary_folder)
    }

    /// Opens and checks a file that is read with the given options.
    ///
    /// # Errors
    /// As [`Source::open`], and if the options do not fit the file.
    pub fn open_as(
        path: &Path,
        format: FileFormat,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        TableFile::open(path, format, options, temporary_folder).map(|file| Self(Content::File(Box::new(file))))
    }

    /// A file that is already open, and may have no name. `path` identifies it in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn of(
        path: &Path,
        file: File,
        format: FileFormat,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        TableFile::of(path, file, format, options, temporary_folder).map(|file| Self(Content::File(Box::new(file))))
    }

    /// Reads a table from a reader that cannot be read twice, such as standard input, into an unnamed temporary file.
    /// `name` identifies it in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn spool(
        name: &str,
        mut reader: impl Read,
        format: FileFormat,
        options: &ReadOptions,
        temporary_folder: &Path,
    ) -> Result<Self, TableError> {
        let path = Path::new(name);
        let file = TemporaryFile::filled(temporary_folder, &mut reader)
            .map_err(|source| TableError::Read { path: path.to_owned(), source })?;
        Self::of(path, file, format, options, temporary_folder)
    }

    /// The table's columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        match &self.0 {
            Content::File(file) => file.schema(),
            Content::Parts(parts) => parts.schema(),
        }
    }

    /// The table's columns; a column of text without any value has no type.
    pub(crate) fn known_schema(&self) -> SchemaRef {
        match &self.0 {
            Content::File(file) => file.known_schema(),
            Content::Parts(parts) => parts.known_schema(),
        }
    }

    /// The number of rows, if the file states it.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        match &self.0 {
            Content::File(file) => file.rows(),
            Content::Parts(parts) => parts.rows(),
        }
    }

    /// Reads the table, from its start.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn batches(&self) -> Result<Batches, TableError> {
        match &self.0 {
            Content::File(file) => file.batches(),
            Content::Parts(parts) => Ok(Box::new(Guarded::new(parts.batches(), parts.path()))),
        }
    }

    /// The whole table as a segment, if it need not be decoded: a valid Arrow file of flat columns, if `fits` accepts
    /// its bytes.
    pub(crate) fn segment(&self, fits: &mut dyn FnMut(u64) -> bool) -> Option<Segment> {
        match &self.0 {
            Content::File(file) => file.segment(fits),
            Content::Parts(_) => None,
        }
    }

    /// The number of raw bytes, and the bytes; those of many files follow one another.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn bytes(&self) -> std::io::Result<(u64, Box<dyn Read + Send>)> {
        match &self.0 {
            Content::File(file) => file.bytes(),
            Content::Parts(parts) => parts.bytes(),
        }
    }

    /// The number of files.
    #[must_use]
    pub fn files(&self) -> usize {
        match &self.0 {
            Content::File(_) => 1,
            Content::Parts(parts) => parts.len(),
        }
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> FileFormat {
        match &self.0 {
            Content::File(file) => file.format(),
            Content::Parts(parts) => parts.format(),
        }
    }

    /// How the content is read, if it is text.
    #[must_use]
    pub fn findings(&self) -> Option<&Findings> {
        match &self.0 {
            Content::File(file) => file.findings(),
            Content::Parts(parts) => parts.findings(),
        }
    }
}
