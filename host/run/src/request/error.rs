//! Errors in a request.

use super::INPUTS_MAX;
use crate::cut::SplitError;
use longshore_block::{BlockError, OptionError};
use longshore_images::environment::EnvironmentError;
use longshore_model::causes::chain;
use longshore_model::hint::did_you_mean;
use longshore_model::reference::ReferenceError;
use longshore_model::remedy::Remedy;
use longshore_protocol::OutputName;
use longshore_table::{FormatError, Glance, TableError};
use std::path::PathBuf;
use thiserror::Error;

/// A request cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The block is invalid.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The block's packages are invalid.
    #[error(transparent)]
    Environment(#[from] Box<EnvironmentError>),
    /// Options are invalid.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The script's arguments cannot be passed on.
    #[error("cannot pass arguments to the script: {reason}")]
    Arguments {
        /// Why, and what to do.
        reason: String,
    },
    /// An environment variable of the script cannot be set.
    #[error("cannot set the variable `{name}`: {reason}")]
    Variable {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The image's name is invalid.
    #[error("`{image}` is not a valid image name: {source}")]
    Image {
        /// The given name.
        image: String,
        /// The cause.
        source: ReferenceError,
    },
    /// Tables of inputs are invalid: each with the number of its input, from 0.
    #[error("{}", inputs(.0))]
    Inputs(Vec<(usize, TableError)>),
    /// A table without a path has no suffix, and no format was given.
    #[error("{what} has no suffix that names its format")]
    NoFormat {
        /// Its name.
        what: String,
    },
    /// The block has no input of this name.
    #[error("the block has no input `{name}`, and there is no such file{}", names_of_inputs(name, names))]
    UnknownInput {
        /// The name.
        name: String,
        /// The names that it has.
        names: Vec<String>,
    },
    /// The block declares fewer inputs.
    #[error("there is no input {number}: the block declares {declared}")]
    UndeclaredInput {
        /// The number.
        number: usize,
        /// How many it declares.
        declared: usize,
    },
    /// An input that must be given is not.
    #[error("input {number}, `{name}`, is not given")]
    MissingInput {
        /// The number.
        number: usize,
        /// Its name.
        name: String,
    },
    /// An input is given twice.
    #[error("input {number} is given twice")]
    RepeatedInput {
        /// The input.
        number: usize,
    },
    /// An input number is too large.
    #[error("input {number} exceeds the highest input number, {}", INPUTS_MAX - 1)]
    InputNumber {
        /// The input.
        number: usize,
    },
    /// The block has no such output.
    #[error("output {}: {reason}", output_name(name))]
    UnknownOutput {
        /// The output.
        name: OutputName,
        /// The outputs that the block has.
        reason: String,
    },
    /// An output is given twice.
    #[error("output {number} is given twice")]
    RepeatedOutput {
        /// The output.
        number: u32,
    },
    /// An output's path has no valid format.
    #[error("output {number}: {source}")]
    OutputFormat {
        /// The output.
        number: u32,
        /// The cause.
        source: FormatError,
    },
    /// An output cannot be written to its path, or not with its options.
    #[error("cannot write output {number} to `{path}`: {reason}")]
    OutputPlace {
        /// The output.
        number: u32,
        /// The path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The format of an output has no options of writing.
    #[error("cannot write output {number} to `{path}`: {reason}")]
    NoWriteOptions {
        /// The output.
        number: u32,
        /// The path.
        path: PathBuf,
        /// The format, and those that have options.
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
    /// A link on the way to a path may have been made by a script.
    #[error(
        "{what} uses the link `{link}` below `{mount}`, where the script may write: name the path without the link, or \
        mount `{mount}` read-only"
    )]
    LinkInMount {
        /// What uses the link.
        what: String,
        /// The link.
        link: PathBuf,
        /// The mount.
        mount: PathBuf,
    },
    /// The path of an output is a writable mount.
    #[error(
        "{what} is `{path}`, which the script may write to through a mount: name another path, or mount it read-only"
    )]
    IsMount {
        /// What is written there.
        what: String,
        /// The mount.
        path: PathBuf,
    },
    /// Files cannot be kept in the requested folder.
    #[error("cannot keep files in `{path}`: {reason}")]
    Keep {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A mount does not exist.
    #[error("cannot mount `{path}`: {source}")]
    Mount {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An allowed folder cannot be used.
    #[error("cannot allow the folder `{path}`: {source}")]
    AllowedFolder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is outside of the allowed folders.
    #[error("{what} names `{path}`, which is not below an allowed folder ({allowed})")]
    NotAllowed {
        /// What names it.
        what: String,
        /// The file, without links.
        path: PathBuf,
        /// The allowed folders.
        allowed: String,
    },
    /// A mount would hide files that the container needs.
    #[error(
        "{what} names `{path}`, which would hide files of the container itself: name a file or folder further below"
    )]
    Hides {
        /// What names it.
        what: String,
        /// The path.
        path: PathBuf,
    },
    /// A socket, a device or a pipe would be shared.
    #[error("{what} names `{path}`, which is {kind}: only files and folders can be shared with a container")]
    NotShared {
        /// What names it.
        what: String,
        /// The path, without links.
        path: PathBuf,
        /// Its kind.
        kind: &'static str,
    },
    /// This machine's mounts cannot be listed.
    #[error("cannot list the mounts below the folders to share: {source}")]
    Mounted {
        /// The cause.
        source: std::io::Error,
    },
    /// A device or a socket is mounted below a folder that would be shared.
    #[error(
        "cannot share `{folder}`: {kind} is mounted below it, at `{path}`; name folders that do not contain it, or unmount it"
    )]
    MountedBelow {
        /// The folder.
        folder: PathBuf,
        /// The mount point.
        path: PathBuf,
        /// Its kind.
        kind: &'static str,
    },
    /// Too many file systems are mounted below a folder.
    #[error("cannot share `{folder}`: more than {most} file systems are mounted below it; name folders further below")]
    ManyMountedBelow {
        /// The folder.
        folder: PathBuf,
        /// The maximum.
        most: usize,
    },
    /// A limit is too low.
    #[error("the limit `{limit}` is {value}, but must be at least {least}")]
    Limit {
        /// The limit.
        limit: &'static str,
        /// The given value.
        value: String,
        /// The lowest valid value.
        least: &'static str,
    },
    /// A stream cannot be split.
    #[error("a block with the mode `stream` cannot run once for each value of a field")]
    PartitionedStream,
    /// Each part would have a folder to keep.
    #[error("cannot keep the working folder of a partitioned run: it has one for each partition")]
    PartitionedKeep,
    /// There is nothing to split.
    #[error("cannot partition the run by `{field}`: input 0, which it would split, is not connected")]
    PartitionedNothing {
        /// The field.
        field: String,
    },
    /// Input 0 has no such field.
    #[error("cannot partition the run by `{field}`: {reason}")]
    PartitionField {
        /// The field.
        field: String,
        /// The fields that input 0 has.
        reason: String,
    },
    /// An input cannot be split.
    #[error("cannot split input {number} by `{field}`: {source}")]
    Partition {
        /// The input, from 0.
        number: usize,
        /// The field.
        field: String,
        /// Why.
        source: Box<SplitError>,
    },
    /// A stream has one input.
    #[error("a block with the mode `stream` has one input, input 0, and {given}")]
    StreamInputs {
        /// The connected inputs.
        given: String,
    },
    /// A stream has one output.
    #[error("a block with the mode `stream` has one output, and {given}")]
    StreamOutputs {
        /// The number of outputs.
        given: String,
    },
    /// A chunk has too many rows, or none.
    #[error("a chunk cannot have {rows} rows, only 1 to {most}")]
    ChunkRows {
        /// The given number.
        rows: u32,
        /// The most.
        most: u32,
    },
}

impl RequestError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Environment(error) => error.remedy(),
            Self::NoFormat { .. } => Some(Remedy::NameFormat),
            Self::MissingInput { name, .. } => Some(Remedy::GiveInput { name: Some(name.clone()) }),
            Self::PartitionedNothing { .. } | Self::StreamInputs { .. } => Some(Remedy::GiveInput { name: None }),
            Self::NoWriteOptions { .. } => Some(Remedy::PlaceWriteOptions),
            Self::NotAllowed { .. } => Some(Remedy::AllowFolder),
            Self::PartitionedStream => Some(Remedy::LeaveOutPartition),
            Self::PartitionedKeep => Some(Remedy::LeaveOutKeepOrPartition),
            Self::ChunkRows { most, .. } => Some(Remedy::SetChunkRows { most: *most }),
            _ => None,
        }
    }

    /// The problems, one sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Inputs(wrong) => wrong.iter().map(of_input).collect(),
            Self::Options(error) => error.problems.iter().map(ToString::to_string).collect(),
            _ => vec![chain(self)],
        }
    }

    /// Whether it is about which tables are given, or about what is in them.
    #[must_use]
    pub fn is_about_inputs(&self) -> bool {
        matches!(self, Self::Inputs(_) | Self::UnknownInput { .. })
    }

    /// The beginnings of the text inputs with errors, each with the number of its input.
    pub fn glances(&self) -> impl Iterator<Item = (usize, &Glance)> {
        let wrong = if let Self::Inputs(wrong) = self { wrong.as_slice() } else { &[] };
        wrong.iter().filter_map(|(number, error)| Some((*number, error.glance()?)))
    }
}

fn inputs(wrong: &[(usize, TableError)]) -> String {
    wrong.iter().map(of_input).collect::<Vec<_>>().join("\n")
}

fn of_input((number, error): &(usize, TableError)) -> String {
    format!("input {number}: {error}")
}

fn output_name(name: &OutputName) -> String {
    match name {
        OutputName::Number(number) => number.to_string(),
        OutputName::Id(id) => format!("`{id}`"),
    }
}

fn names_of_inputs(name: &str, names: &[String]) -> String {
    let near = did_you_mean(name, names.iter().map(String::as_str));
    if names.is_empty() { "; it declares no inputs".into() } else { format!("; it has {}{near}", names.join(", ")) }
}
