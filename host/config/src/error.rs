//! Errors in settings. Each gives the setting's location, the value found and the valid values; none contains the
//! password of an address.

use std::path::PathBuf;
use thiserror::Error;

/// An error in the settings.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read the settings in `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file named by the caller does not exist.
    #[error("`{path}` does not exist, but LONGSHORE_CONFIG names it: create it, or unset the variable")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The nearest file belongs to another user, who could control what this user runs.
    #[error(
        "the settings file `{path}` belongs to user {owner}, who could control what runs here: take ownership with \
         `chown`, or name the file in LONGSHORE_CONFIG to use it anyway"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
    },
    /// A file is not TOML.
    #[error("`{path}`, line {line}, column {column}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// An unknown table.
    #[error("`{path}`, line {line}: unknown table `[{table}]`{hint}")]
    UnknownTable {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The table's name.
        table: String,
        /// The nearest one, or all of them.
        hint: String,
    },
    /// An unknown key.
    #[error("`{path}`, line {line}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, with its table if it is in one.
        key: String,
        /// The nearest key, the right table, or all keys.
        hint: String,
    },
    /// A value in place of a table.
    #[error("`{path}`, line {line}: `{table}` is {found}: it must be a table, `[{table}]`, with its keys below")]
    NoTable {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The table's name.
        table: String,
        /// The type found.
        found: String,
    },
    /// A wrong value in a file.
    #[error("`{path}`, line {line}: `{key}` is {found}: {right}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, with its table.
        key: String,
        /// What was found.
        found: String,
        /// The valid values.
        right: String,
    },
    /// An unknown variable whose name could only be a setting's.
    #[error("unknown settings variable {variable}{hint}")]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The nearest variable, or where all are listed.
        hint: String,
    },
    /// A variable's value is wrong.
    #[error("{variable} is {found}: {right}")]
    Variable {
        /// The variable.
        variable: String,
        /// What was found.
        found: String,
        /// The valid values.
        right: String,
    },
}
