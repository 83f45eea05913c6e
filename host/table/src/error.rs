//! What can be wrong with a table's file, said so that the file can be mended.

use super::glance::Glance;
use arrow_schema::ArrowError;
use longshore_model::table::FormatError;
use longshore_segment::bare;
use parquet::errors::ParquetError;
use std::path::PathBuf;
use thiserror::Error;

/// A table cannot be read or written.
#[derive(Debug, Error)]
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
    /// There is no such format, or not for this.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The content is of another format than the suffix says.
    #[error("`{path}` is not {expected}: it looks like {found}")]
    WrongContent {
        /// The file.
        path: PathBuf,
        /// Such as `Parquet`.
        expected: String,
        /// Such as `CSV or other text`.
        found: &'static str,
    },
    /// An option that a format has not.
    #[error("`{path}` is {reason}")]
    NoOption {
        /// The file.
        path: PathBuf,
        /// What it is, the option, and those that it has.
        reason: String,
    },
    /// The table has not the columns that it is declared to have.
    #[error("`{path}` is not as declared: {reason}")]
    NotAsDeclared {
        /// The file.
        path: PathBuf,
        /// Which columns, what they are, and what they are to be.
        reason: String,
    },
    /// Options of writing that do not fit.
    #[error("cannot write `{path}`: {reason}")]
    WriteOptions {
        /// The file.
        path: PathBuf,
        /// Which, and what would be right.
        reason: String,
    },
    /// The file ends before its end.
    #[error("`{path}` is truncated or damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is in order, but of a kind that is not read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is not read, and what to do.
        reason: String,
    },
    /// A line of a text file is wrong.
    #[error("`{path}`, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, with the column where there is one.
        reason: String,
    },
    /// What is wrong with a text, and how it looked before that was found.
    #[error("{source}")]
    Seen {
        /// How it looked.
        glance: Box<Glance>,
        /// What is wrong.
        source: Box<TableError>,
    },
    /// Arrow refused the data.
    #[error("`{path}`: {source}")]
    Arrow {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ArrowError,
    },
    /// The Parquet reader or writer refused the data.
    #[error("`{path}`: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ParquetError,
    },
    /// The table is too large to be held cell by cell.
    #[error("cannot compare `{path}`: it has more than {limit} cells: test with less data")]
    TooManyCells {
        /// The file.
        path: PathBuf,
        /// The most.
        limit: usize,
    },
    /// A format cannot hold a column.
    #[error("column `{column}` is {data_type}, which {format} cannot hold: convert it first")]
    Unsupported {
        /// The column.
        column: String,
        /// Its type, in words.
        data_type: Box<str>,
        /// The format.
        format: String,
    },
    /// A format cannot hold so large a table.
    #[error("the table is too large for an Excel workbook: {reason}: write CSV or Parquet")]
    TooLarge {
        /// How large, and what is allowed.
        reason: String,
    },
    /// A format cannot hold a value.
    #[error("column `{column}`{}: {reason}", row.map(|row| format!(", row {row}")).unwrap_or_default())]
    Value {
        /// The column.
        column: String,
        /// The row, from 1, where it is known.
        row: Option<usize>,
        /// Which value, and why.
        reason: String,
    },
    /// What was written cannot be written anew.
    #[error(
        "cannot write decimals with more digits than in the first table: {format} on standard output cannot widen its \
         columns later: write the first table with as many digits"
    )]
    SentOn {
        /// The format.
        format: String,
    },
    /// The library that writes a format gave up.
    #[error("cannot write `{path}`: the {reason}")]
    WriterGaveUp {
        /// The file.
        path: PathBuf,
        /// Of which format, and the library's words.
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
    /// How a text looked before it was found wrong: a person is shown that first.
    #[must_use]
    pub fn glance(&self) -> Option<&Glance> {
        match self {
            Self::Seen { glance, .. } => Some(glance),
            _ => None,
        }
    }

    /// What a script is told: the text with the name of a file of the host's, and without the folders that it is in.
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

    /// Whether other data would have done: the script can be told, and may go on.
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
