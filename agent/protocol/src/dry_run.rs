//! The file `run.json` in the folder of a dry run: what the host knows about the block, for a script that is started
//! without a host. The host writes it, the client reads it, and nothing of it is sent.

use crate::to_script::RunFacts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The contents of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DryRunFile {
    /// The run's facts. Its options are in a file of their own, which users edit.
    pub facts: RunFacts,
    /// The files of the inputs in the folder, by number.
    pub tables: BTreeMap<u32, String>,
    /// The files that all of this was made from, absolute: tables and manifest.
    pub sources: Vec<PathBuf>,
    /// Whether the tables are those of the folder, so that it can be made again from the script alone.
    pub from_folder: bool,
}

impl DryRunFile {
    /// Its name.
    pub const NAME: &str = "run.json";
    /// The name of the file with the options' values.
    pub const OPTIONS: &str = "options.json";
    /// Largest size in bytes: 64 inputs and 1000 outputs with long names have less than 1 MiB.
    pub const BYTES_MAX: u64 = 4 << 20;
    /// The suffixes of tables that a script reads itself: Parquet, Arrow IPC files and streams.
    pub const SUFFIXES: [&str; 4] = ["parquet", "arrow", "feather", "arrows"];

    /// The name of the file that an input is written to.
    #[must_use]
    pub fn table_name(number: u32) -> String {
        format!("input-{number}.arrow")
    }
}
