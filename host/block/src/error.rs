//! What can be wrong with a block, its manifest and the values given to its options.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// A block cannot be used.
#[derive(Debug, Error)]
pub enum BlockError {
    /// There is nothing at the path.
    #[error("`{path}` does not exist")]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The folder has no manifest.
    #[error(
        "`{folder}` has no `block.toml` and no `manifest.json`: a block is a folder with one of them, or a script that ends in .py or .R"
    )]
    NoManifest {
        /// The folder.
        folder: PathBuf,
    },
    /// The path is a file, but no script.
    #[error("`{path}` is not a block: it is a file that does not end in .py or .R")]
    NotAScript {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The manifest is not TOML or JSON.
    #[error("`{path}`, line {line}, column {column}: {reason}")]
    Syntax {
        /// The manifest.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A key's value is wrong.
    #[error("`{path}`: {reason}")]
    Invalid {
        /// The manifest.
        path: PathBuf,
        /// Which key, what was found, what would be right.
        reason: String,
    },
    /// The script is missing.
    #[error("the script `{script}` that `{manifest}` names does not exist in `{folder}`")]
    NoScript {
        /// The script.
        script: String,
        /// The manifest.
        manifest: String,
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the block leaves its folder.
    #[error("`{path}` is a link that leads out of the block's folder")]
    Escapes {
        /// The file.
        path: PathBuf,
    },
    /// The block's folder holds too much.
    #[error("`{folder}` is too large for a block: it holds {what}; keep data outside and give it as an input")]
    TooMuch {
        /// The folder.
        folder: PathBuf,
        /// What there is too much of.
        what: String,
    },
}

/// Everything that is wrong with the values given to options, at once.
#[derive(Debug, Error)]
#[error("{}", list(.problems))]
pub struct OptionError {
    /// The problems; never empty.
    pub problems: Vec<OptionProblem>,
}

/// One thing that is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionProblem {
    /// The option.
    pub option: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for OptionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option `{}`: {}", self.option, self.reason)
    }
}

fn list(problems: &[OptionProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
