//! What can be wrong with settings. Each says where the setting stands, what was found and what would be right; no
//! password of an address is in any.

use std::path::PathBuf;
use thiserror::Error;

/// Settings cannot be used.
#[derive(Debug, Error)]
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
    /// A file that was asked for by name is not there.
    #[error("`{path}` does not exist, but LONGSHORE_CONFIG names it: create it, or unset the variable")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The nearest file belongs to another user, who could change what this user runs.
    #[error(
        "the settings in `{path}` belong to the user {owner}, who could choose what runs here: take them over with \
         `chown`, or name the file in LONGSHORE_CONFIG to use it all the same"
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
    /// A table is not known.
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
    /// A key is not known.
    #[error("`{path}`, line {line}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, behind its table's name if it stands in a table.
        key: String,
        /// The nearest one, the table where it belongs, or all of them.
        hint: String,
    },
    /// A value stands where a table should.
    #[error("`{path}`, line {line}: `{table}` is {found}: it must be a table, `[{table}]`, with its keys below")]
    NoTable {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The table's name.
        table: String,
        /// What it is.
        found: String,
    },
    /// A value in a file is wrong.
    #[error("`{path}`, line {line}: `{key}` is {found}: {right}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, behind its table's name.
        key: String,
        /// What was found.
        found: String,
        /// What would be right.
        right: String,
    },
    /// A variable has a name that only a setting's could have, and none has it.
    #[error("unknown settings variable {variable}{hint}")]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The nearest one, or where all of them are.
        hint: String,
    },
    /// A variable's value is wrong.
    #[error("{variable} is {found}: {right}")]
    Variable {
        /// The variable.
        variable: String,
        /// What was found.
        found: String,
        /// What would be right.
        right: String,
    },
}
