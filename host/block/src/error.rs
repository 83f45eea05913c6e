//! Errors in a block, its manifest and the values of its options.

use longshore_model::hint::reword_json;
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// An error in a block.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Nothing exists at the path.
    #[error("`{path}` does not exist")]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The path is an address on the network.
    #[error("`{path}` is an address, and blocks are not downloaded: save it as a file and name that")]
    Address {
        /// The address.
        path: PathBuf,
    },
    /// The path stands for standard input.
    #[error("a block is not read from standard input: save the script as a file and name that; `-` is for tables")]
    StandardInput,
    /// The folder has neither a manifest nor a script.
    #[error(
        "`{folder}` has no `block.toml`, no `manifest.json` and no script: a block is a folder with one of them, or a script that ends in .py, .R, .ipynb, .Rmd or .qmd"
    )]
    NoManifest {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has no manifest, and several scripts.
    #[error(
        "`{folder}` has several scripts that could be meant: {scripts}; call only one `main`, or name it in a `block.toml`"
    )]
    SeveralScripts {
        /// The folder.
        folder: PathBuf,
        /// The scripts, separated by commas.
        scripts: String,
    },
    /// The path is a file, but not a script.
    #[error("`{path}` is not a block: it is a file that does not end in .py, .R, .ipynb, .Rmd or .qmd")]
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
    /// A line of a file is wrong.
    #[error("`{path}`, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A key's value is wrong.
    #[error("`{path}`: {reason}")]
    Invalid {
        /// The manifest.
        path: PathBuf,
        /// The key, the value found and the valid values.
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
    /// A file of the block is outside of its folder.
    #[error("`{path}` is a link that leads out of the block's folder")]
    Escapes {
        /// The file.
        path: PathBuf,
    },
    /// A file has the name of a module that the script needs.
    #[error("`{file}` hides the module `{module}`, which the script needs: rename it")]
    Hides {
        /// The file.
        file: PathBuf,
        /// The module.
        module: String,
    },
    /// The block's folder is too large.
    #[error("`{folder}` is too large for a block: it holds {what}; keep data outside and give it as an input")]
    TooMuch {
        /// The folder.
        folder: PathBuf,
        /// What exceeds the limit.
        what: String,
    },
}

/// All errors in the values of options.
#[derive(Debug, Error)]
#[error("{}", list(.problems))]
pub struct OptionError {
    /// The problems; never empty.
    pub problems: Vec<OptionProblem>,
}

/// An error in the value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionProblem {
    /// The option.
    pub option: String,
    /// What is wrong, and what would be valid.
    pub reason: String,
}

impl BlockError {
    /// A text is not the JSON that is expected of it.
    pub(crate) fn json(path: &Path, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        Self::Syntax { path: path.to_owned(), line, column, reason: reword_json(error) }
    }
}

impl fmt::Display for OptionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option `{}`: {}", self.option, self.reason)
    }
}

fn list(problems: &[OptionProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
