//! Errors of reading and writing table files, worded so that the user can correct the file.

use super::glance::Glance;
use arrow_schema::ArrowError;
use longshore_model::table::FormatError;
use longshore_segment::bare;
use parquet::errors::ParquetError;
use std::path::PathBuf;
use thiserror::Error;

/// A table cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file does not exist.
    #[error("`{path}` does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is a folder.
    #[error("`{path}` is a folder, not a table")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("`{path}` is empty: it has no bytes, not even a header")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The format is unknown, or not supported for this purpose.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The content has another format than the suffix.
    #[error("`{path}` is not {expected}: it looks like {found}")]
    WrongContent {
        /// The file.
        path: PathBuf,
        /// Such as `Parquet`.
        expected: String,
        /// Such as `CSV or other text`.
        found: &'static str,
    },
    /// An option that the format does not have.
    #[error("`{path}` is {reason}")]
    NoOption {
        /// The file.
        path: PathBuf,
        /// The format, the option, and the options that the format has.
        reason: String,
    },
    /// The table does not have the declared columns.
    #[error("`{path}` is not as declared: {reason}")]
    NotAsDeclared {
        /// The file.
        path: PathBuf,
        /// The columns, with their actual and their declared types.
        reason: String,
    },
    /// Write options that do not fit the format.
    #[error("cannot write `{path}`: {reason}")]
    WriteOptions {
        /// The file.
        path: PathBuf,
        /// The option, and what to use instead.
        reason: String,
    },
    /// The file is truncated or damaged.
    #[error("`{path}` is truncated or damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// The file is valid, but has a feature that is not supported.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The feature, and what to do.
        reason: String,
    },
    /// A line of a text file is invalid.
    #[error("`{path}`, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The cause, with the column if there is one.
        reason: String,
    },
    /// An error in a text, with the first look at the text.
    #[error("{source}")]
    Seen {
        /// The first look.
        glance: Box<Glance>,
        /// The error.
        source: Box<TableError>,
    },
    /// Arrow rejected the data.
    #[error("`{path}`: {source}")]
    Arrow {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ArrowError,
    },
    /// The Parquet reader or writer rejected the data.
    #[error("`{path}`: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ParquetError,
    },
    /// The table has too many cells to compare.
    #[error("cannot compare `{path}`: it has more than {limit} cells: test with less data")]
    TooManyCells {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A format cannot hold a column.
    #[error("column `{column}` is {data_type}, which {format} cannot hold: convert it first")]
    Unsupported {
        /// The column.
        column: String,
        /// Its type.
        data_type: Box<str>,
        /// The format.
        format: String,
    },
    /// A format cannot hold so large a table.
    #[error("the table is too large for an Excel workbook: {reason}: write CSV or Parquet")]
    TooLarge {
        /// The size, and the limit.
        reason: String,
    },
    /// A format cannot hold a value.
    #[error("column `{column}`{}: {reason}", row.map(|row| format!(", row {row}")).unwrap_or_default())]
    Value {
        /// The column.
        column: String,
        /// The row, from 1, if known.
        row: Option<usize>,
        /// The value, and the reason.
        reason: String,
    },
    /// The columns on standard output cannot be changed after the first table.
    #[error(
        "cannot write decimals with more digits than in the first table: {format} on standard output cannot widen its \
         columns later: write the first table with as many digits"
    )]
    SentOn {
        /// The format.
        format: String,
    },
    /// The library that writes a format panicked.
    #[error("cannot write `{path}`: the {reason}")]
    WriterGaveUp {
        /// The file.
        path: PathBuf,
        /// The format, and the panic's message.
        reason: String,
    },
    /// A format cannot hold a table without columns.
    #[error("the table has no columns, which {format} cannot hold")]
    NoColumns {
        /// The format.
        format: String,
    },
}

impl TableError {
    /// The first look at a text with an error, to be shown before the error.
    #[must_use]
    pub fn glance(&self) -> Option<&Glance> {
        match self {
            Self::Seen { glance, .. } => Some(glance),
            _ => None,
        }
    }

    /// The message for scripts: with the names of the host's files, but without their folders.
    #[must_use]
    pub fn without_path(&self) -> String {
        match self {
            Self::Arrow { source, .. } => bare(source),
            Self::Parquet { source, .. } => source.to_string(),
            other => other.with_name(),
        }
    }

    fn with_name(&self) -> String {
        let text = self.to_string();
        let path = match self {
            Self::Missing { path }
            | Self::Folder { path }
            | Self::Empty { path }
            | Self::Read { path, .. }
            | Self::Write { path, .. }
            | Self::Format(FormatError::UnknownSuffix { path })
            | Self::WrongContent { path, .. }
            | Self::NoOption { path, .. }
            | Self::NotAsDeclared { path, .. }
            | Self::WriteOptions { path, .. }
            | Self::Damaged { path, .. }
            | Self::Unreadable { path, .. }
            | Self::Line { path, .. }
            | Self::TooManyCells { path, .. }
            | Self::WriterGaveUp { path, .. } => path,
            Self::Seen { source, .. } => return source.with_name(),
            _ => return text,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        text.replace(&format!("`{}`", path.display()), &format!("`{name}`"))
    }

    /// Whether the data is the cause: the script receives the error, and may continue.
    #[must_use]
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Unsupported { .. }
            | Self::NoColumns { .. }
            | Self::Value { .. }
            | Self::TooLarge { .. }
            | Self::SentOn { .. } => true,
            Self::Arrow { source, .. } => !matches!(source, ArrowError::IoError(..)),
            Self::Parquet { source, .. } => !matches!(source, ParquetError::External(_)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_the_name_of_a_file_and_no_folder() {
        let (path, reason) = (PathBuf::from("/srv/data/in.arrow"), "it ends".to_owned());
        for (error, told) in [
            (TableError::Missing { path: path.clone() }, "`in.arrow` does not exist"),
            (
                TableError::Damaged { path: path.clone(), reason: reason.clone() },
                "`in.arrow` is truncated or damaged: it ends",
            ),
            (TableError::Line { path: path.clone(), line: 7, reason }, "`in.arrow`, line 7: it ends"),
            (TableError::Read { path, source: std::io::Error::other("gone") }, "cannot read `in.arrow`: gone"),
        ] {
            assert_eq!(error.without_path(), told);
        }
    }
}
