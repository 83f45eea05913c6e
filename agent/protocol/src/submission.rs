//! The run that a caller asks for, as its first message carries it. Texts are those of the command line; what a key may
//! contain is decided by the host, which checks all of them before anything starts. A key that is left out has the
//! host's default.

use crate::from_script::OutputName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A run that a caller asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The block.
    pub block: SubmittedBlock,
    /// Tables for its inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<SubmittedInput>,
    /// Targets for its outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<SubmittedOutput>,
    /// Whether what the script writes to outputs without a target comes back too, as tables in memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub others: bool,
    /// Values for its options, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<(String, SubmittedValue)>,
    /// The script's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The script's environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<(String, String)>,
    /// The engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The image, instead of the block's or the language's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The day as of which packages are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Constraints on the versions of packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// The network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Files and folders of the host's machine that the script sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<SubmittedMount>,
    /// Folders that mounts and the files of options must be below; none means anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// A new folder of the host's machine to copy the script's working folder to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// The caller's current folder, an absolute path. Relative paths start from it; without it there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_folder: Option<String>,
    /// Limits.
    #[serde(default)]
    pub limits: SubmittedLimits,
    /// Rows of a chunk, if the block transforms a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_rows: Option<u32>,
    /// Runs the block once for each value of a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<SubmittedPartition>,
    /// How invalid rows of text inputs are treated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_rows: Option<String>,
    /// Whether the record has hashes of code, data and environment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hashes: bool,
}

impl Submission {
    /// A run of a block with nothing connected, and with the host's defaults.
    #[must_use]
    pub fn new(block: SubmittedBlock) -> Self {
        Self {
            block,
            inputs: Vec::new(),
            outputs: Vec::new(),
            others: false,
            options: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            engine: None,
            image: None,
            as_of: None,
            constraints: Vec::new(),
            network: None,
            mounts: Vec::new(),
            allowed: Vec::new(),
            keep: None,
            working_folder: None,
            limits: SubmittedLimits::default(),
            chunk_rows: None,
            partition: None,
            bad_rows: None,
            hashes: false,
        }
    }
}

/// Where the block is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedBlock {
    /// A folder or script of the host's machine.
    Path(String),
    /// Its files are sent along, with `file`.
    Files {
        /// Its folder's name, for messages and the record.
        name: String,
        /// The script to run, relative to the folder; `None` for a block with a manifest.
        script: Option<String>,
    },
}

/// A table for an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmittedInput {
    /// The input's name, or its number from 0; the next one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<OutputName>,
    /// The table.
    pub table: SubmittedTable,
    /// Its format, if no suffix implies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How its text is read.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub read: Map<String, Value>,
}

/// A target for an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmittedOutput {
    /// The output's id, or its number from 0; the next one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<OutputName>,
    /// The target.
    pub table: SubmittedTable,
    /// Its format, if no suffix implies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How its text is written.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub write: Map<String, Value>,
}

/// Where a table is, or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedTable {
    /// A file of the host's machine.
    Path(String),
    /// An open file, which is sent along with `source` or `sink`.
    Open(SubmittedName),
    /// A table in memory, which is sent along with `table`, or comes back with it.
    Memory(SubmittedName),
}

/// The name of a table that has no path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedName {
    /// Its name in errors.
    pub called: String,
    /// What stands for its path in the record, if that is another text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
}

impl From<&str> for SubmittedName {
    fn from(called: &str) -> Self {
        Self { called: called.to_owned(), recorded: None }
    }
}

/// A value of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedValue {
    /// Text, from which the option's type makes a value.
    Text(String),
    /// JSON.
    Json(Value),
}

/// A file or folder that the script sees at its own path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedMount {
    /// The path.
    pub path: String,
    /// Whether the script may write there.
    pub writable: bool,
}

/// Limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SubmittedLimits {
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Wall time of the script in milliseconds; 0 for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A run for each value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedPartition {
    /// The field.
    pub field: String,
    /// Parts that run at a time.
    pub jobs: u32,
    /// Whether the others go on when a part fails.
    pub keep_going: bool,
}
