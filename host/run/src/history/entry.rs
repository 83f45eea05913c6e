//! A run's file in the history: written when the run begins, and again, with its record, when it has ended.

use longshore_os::small_file;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// The file's name, in the run's folder.
const FILE: &str = "run.json";

/// The file with the script's output, beside it.
pub(super) const LOG: &str = "log";

/// The file's contents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) run_id: String,
    /// The block's name.
    pub(super) block: String,
    /// Its folder or script.
    pub(super) source: PathBuf,
    /// The files of its inputs, by number; `null` where nothing was connected.
    pub(super) inputs: Vec<Option<PathBuf>>,
    /// When the run began, in milliseconds since 1970.
    pub(super) started_ms: u64,
    /// `null` until the run has ended. It may be from any version: unknown keys are kept.
    pub(super) record: Option<Value>,
}

impl Entry {
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&small_file::read(&folder.join(FILE), small_file::MADE_MAX)?)?)
    }

    /// Writes it atomically: no reader sees a part of it.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join(".run.json.new");
        std::fs::write(&new, serde_json::to_vec(self)?)?;
        std::fs::rename(new, folder.join(FILE))
    }
}
