//! A text in TOML and where it is from, so that errors in it have a file, a line and a column. Manifests, the metadata in
//! scripts and the files of other tools are read through it.

use super::error::BlockError;
use longshore_model::hint::{place, reword};
use serde::de::DeserializeOwned;
use std::path::Path;

/// A text in TOML.
#[derive(Debug, Clone, Copy)]
pub(super) struct TomlText<'a> {
    /// The file that it is in.
    pub(super) path: &'a Path,
    /// The text. Its lines are those of the file.
    pub(super) text: &'a str,
    /// Characters of each of the file's lines that precede the text's.
    pub(super) indent: usize,
}

impl<'a> TomlText<'a> {
    /// A whole file.
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text, indent: 0 }
    }

    /// Reads it.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, BlockError> {
        toml::from_str(self.text)
            .map_err(|error| self.at(error.span().map_or(0, |span| span.start), reword(error.message())))
    }

    /// An error at an offset of the text.
    pub(super) fn at(&self, offset: usize, reason: String) -> BlockError {
        let (line, column) = self.place(offset);
        BlockError::Syntax { path: self.path.to_owned(), line, column, reason }
    }

    /// The line and column in the file of an offset of the text.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let (line, column) = place(self.text, offset);
        (line, column + self.indent)
    }

    /// An error without a place.
    pub(super) fn invalid(&self, reason: String) -> BlockError {
        BlockError::Invalid { path: self.path.to_owned(), reason }
    }
}
