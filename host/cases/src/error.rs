//! What can be wrong with a block's cases. None of it says anything about the script.

use longshore_block::BlockError;
use longshore_run::request::RequestError;
use longshore_table::TableError;
use std::path::PathBuf;
use thiserror::Error;

/// Cases cannot be run.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The block is wrong.
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
         table of each output under `[[outputs]]`, each as `file = \"NAME.csv\"`; `longshore test --update` then \
         writes the expected tables",
        folder.join("NAME.toml").display()
    )]
    NoCases {
        /// Where they would be.
        folder: PathBuf,
    },
    /// A case was asked for that is not there.
    #[error("the block has no case `{name}`{hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest one, or all of them.
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
    /// Something in a case file is wrong.
    #[error("`{path}`, line {line}, column {column}: {reason}")]
    At {
        /// The case file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A table that a case has or names is wrong.
    #[error("`{path}`: {what}: {source}")]
    Table {
        /// The case file.
        path: PathBuf,
        /// Such as `input 0`.
        what: String,
        /// What is wrong.
        source: TableError,
    },
    /// An expected table is not there yet.
    #[error("`{path}`: {what}: `{expected}` does not exist: `longshore test --update` writes the block's output there")]
    NoExpected {
        /// The case file.
        path: PathBuf,
        /// Such as `output 0`.
        what: String,
        /// The file.
        expected: PathBuf,
    },
    /// What a case asks for cannot be run.
    #[error("`{path}`: {source}")]
    Spec {
        /// The case file.
        path: PathBuf,
        /// What is wrong.
        source: Box<RequestError>,
    },
    /// A folder for the outputs of a case cannot be made.
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
    /// Checking a case broke.
    #[error("checking `{path}` failed unexpectedly: this is a bug of longshore")]
    Broken {
        /// The case file.
        path: PathBuf,
    },
}

impl CaseError {
    /// Whether the case is wrong, and not the machine that it should run on.
    #[must_use]
    pub fn is_about_the_case(&self) -> bool {
        !matches!(self, Self::Folder { .. } | Self::Update { .. } | Self::Broken { .. })
    }
}
