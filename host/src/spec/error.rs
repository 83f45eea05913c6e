//! What can be wrong with what a caller asks for.

use super::INPUTS_MAX;
use crate::block::{BlockError, OptionError};
use crate::table::TableError;
use longshore_protocol::OutputName;
use std::path::PathBuf;
use thiserror::Error;

/// Something that a caller asks for cannot be.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The block is wrong.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// Options are wrong.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// An input's table is wrong.
    #[error("input {number}: {source}")]
    Input {
        /// The input, from 0.
        number: usize,
        /// What is wrong.
        source: TableError,
    },
    /// Standard input or output has no suffix.
    #[error("{what} has no suffix that names its format: give one with `--format`, such as `--format csv`")]
    NoFormat {
        /// `standard input` or `standard output`.
        what: &'static str,
    },
    /// An input number is there twice.
    #[error("input {number} is given twice")]
    RepeatedInput {
        /// The input.
        number: usize,
    },
    /// An input number is too large.
    #[error("input {number} is beyond the last that a run can have, {}", INPUTS_MAX - 1)]
    InputNumber {
        /// The input.
        number: usize,
    },
    /// The block has no such output.
    #[error("output {}: {reason}", output_name(name))]
    UnknownOutput {
        /// The output.
        name: OutputName,
        /// What the block has.
        reason: String,
    },
    /// An output is there twice.
    #[error("output {number} is given twice")]
    RepeatedOutput {
        /// The output.
        number: u32,
    },
    /// An output's path says no format.
    #[error("output {number}: {source}")]
    OutputFormat {
        /// The output.
        number: u32,
        /// What is wrong.
        source: TableError,
    },
    /// An output cannot be written where it should go.
    #[error("output {number} cannot be written to `{path}`: {reason}")]
    OutputPlace {
        /// The output.
        number: u32,
        /// The path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Two outputs go to one file.
    #[error("outputs {first} and {second} both go to `{path}`: give each its own file")]
    SameOutput {
        /// One output.
        first: u32,
        /// The other.
        second: u32,
        /// The file.
        path: PathBuf,
    },
    /// An output would replace an input.
    #[error("output {output} and input {input} are the same file `{path}`: write the output elsewhere")]
    OutputIsInput {
        /// The output.
        output: u32,
        /// The input.
        input: usize,
        /// The file.
        path: PathBuf,
    },
    /// Files cannot be kept where they should go.
    #[error("files cannot be kept in `{path}`: {reason}")]
    Keep {
        /// The folder.
        path: PathBuf,
        /// Why, and what would be right.
        reason: String,
    },
    /// A mount does not exist.
    #[error("`{path}` cannot be mounted: {source}")]
    Mount {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A limit makes no sense.
    #[error("the limit `{limit}` is {value}, but must be at least {least}")]
    Limit {
        /// The limit.
        limit: &'static str,
        /// What was asked for.
        value: String,
        /// The least that works.
        least: &'static str,
    },
    /// Something that this version cannot do.
    #[error("{what} cannot be run by this version of longshore")]
    NotYet {
        /// What.
        what: &'static str,
    },
}

fn output_name(name: &OutputName) -> String {
    match name {
        OutputName::Number(number) => number.to_string(),
        OutputName::Id(id) => format!("`{id}`"),
    }
}
