//! Finding what a path names, and keeping what can be read only once.

use super::{Content, Source};
use crate::error::TableError;
use crate::format::FileFormat;
use crate::options::ReadOptions;
use crate::parts::{self, Parts};
use crate::unpack::inside;
use std::io::{Read, Seek};
use std::path::Path;

impl Source {
    /// Opens and checks what a path names: a file, a folder of files that make one table, or a pattern of their names, such
    /// as `sales/*.csv`. The format is that of the suffixes, where none is given.
    ///
    /// # Errors
    /// As [`Source::open_as`], and where files that should make one table do not.
    pub fn find(path: &Path, format: Option<FileFormat>, options: &ReadOptions) -> Result<Self, TableError> {
        let named = || options.format.as_ref().map(|name| name.parse()).transpose();
        let format = if format.is_some() { format } else { named()? };
        if let Some(files) = parts::find(path)? {
            return Ok(Self::of_parts(path, Parts::open(path, files, format, options)?));
        }
        let format = format.map_or_else(|| Self::format_at(path), Ok)?;
        Self::open_as(path, format, options)
    }

    /// The format that what a path names is read in, where nobody says it.
    ///
    /// # Errors
    /// Where its name says nothing, or nothing is there.
    pub fn format_at(path: &Path) -> Result<FileFormat, TableError> {
        match parts::find(path)? {
            Some(files) => FileFormat::from_path(&files[0].path),
            None if path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("zip")) => inside(path),
            None => FileFormat::from_path(path),
        }
    }

    fn of_parts(path: &Path, parts: Parts) -> Self {
        let format = parts.format();
        let (schema, rows, findings) = (parts.schema(), parts.rows(), parts.findings().map(Box::new));
        let content = Content::Parts(Box::new(parts));
        let (options, encoding) = (Box::default(), None);
        Self { path: path.to_owned(), file: None, format, options, encoding, schema, rows, findings, content }
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
        let path = Path::new(name);
        let failed = |source| TableError::Read { path: path.to_owned(), source };
        let mut file = tempfile::tempfile().map_err(failed)?;
        std::io::copy(&mut reader, &mut file).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Self::check(path, file, format, options)
    }
}
