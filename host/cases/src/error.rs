//! Errors of a block's cases. None of them is an error of the script.

use longshore_block::BlockError;
use longshore_model::remedy::Remedy;
use longshore_run::request::RequestError;
use longshore_table::TableError;
use std::path::PathBuf;
use thiserror::Error;

/// Cases cannot be run.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The block is invalid.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The path is a script.
    #[error("`{path}` has no cases: they belong to a block, a folder with a manifest and a folder `cases`")]
    NotAFolder {
        /// The script.
        path: PathBuf,
    },
    /// The block has no cases.
    #[error(
        "the block has no cases: write one as `{}`, with a table for its input under `[[inputs]]` and the expected \
         table of each output under `[[outputs]]`, each as `file = \"NAME.csv\"`",
        folder.join("NAME.toml").display()
    )]
    NoCases {
        /// The folder for cases.
        folder: PathBuf,
    },
    /// The requested case does not exist.
    #[error("the block has no case `{name}`{hint}")]
    Unknown {
        /// The requested name.
        name: String,
        /// The most similar name, or all names.
        hint: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A case file has an error.
    #[error("`{path}`, line {line}, column {column}: {reason}")]
    At {
        /// The case file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The error, and what is valid.
        reason: String,
    },
    /// A table of a case has an error.
    #[error("`{path}`: {what}: {source}")]
    Table {
        /// The case file.
        path: PathBuf,
        /// Such as `input 0`.
        what: String,
        /// What is wrong.
        source: TableError,
    },
    /// An expected table does not exist yet.
    #[error("`{path}`: {what}: `{expected}` does not exist")]
    NoExpected {
        /// The case file.
        path: PathBuf,
        /// Such as `output 0`.
        what: String,
        /// The file.
        expected: PathBuf,
    },
    /// A case's request is invalid.
    #[error("`{path}`: {source}")]
    Spec {
        /// The case file.
        path: PathBuf,
        /// What is wrong.
        source: Box<RequestError>,
    },
    /// A folder for the outputs of a case cannot be created.
    #[error("cannot create a folder for the outputs in `{path}`: {source}")]
    Folder {
        /// Where.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An expected table cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Update {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Checking a case panicked.
    #[error("checking `{path}` failed unexpectedly: this is a bug of longshore")]
    Broken {
        /// The case file.
        path: PathBuf,
    },
}

impl CaseError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::NoCases { .. } | Self::NoExpected { .. } => Some(Remedy::UpdateCases),
            Self::Spec { source, .. } => source.remedy(),
            _ => None,
        }
    }

    /// Whether the case is the cause, and not the machine that runs it.
    #[must_use]
    pub fn is_about_the_case(&self) -> bool {
        !matches!(self, Self::Folder { .. } | Self::Update { .. } | Self::Broken { .. })
    }
}
