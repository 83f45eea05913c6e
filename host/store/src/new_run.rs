//! A run as it is when it begins.

use crate::database::signed;
use crate::error::StoreFailure;
use rusqlite::{Connection, params};
use std::path::PathBuf;

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The run's id.
    pub run_id: String,
    /// The block's name.
    pub block: String,
    /// Its folder or script.
    pub source: PathBuf,
    /// The files of its inputs, by number; `None` where nothing is connected.
    pub inputs: Vec<Option<PathBuf>>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// Bytes of its log that are kept: half from its beginning, half from its end.
    pub log_bytes: u64,
}

impl NewRun {
    /// Adds it, and returns its number.
    pub(crate) fn insert(&self, connection: &Connection, state: &str, host: Option<&str>) -> Result<i64, StoreFailure> {
        let insert = "INSERT INTO runs (run_id, block, source, inputs, started_ms, log_half, state, host) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let source = self.source.to_string_lossy();
        let inputs = self.inputs.iter().map(|path| Some(path.as_ref()?.to_string_lossy()));
        let inputs = serde_json::to_string(&inputs.collect::<Vec<_>>())?;
        let (started_ms, half) = (signed(self.started_ms), signed(self.log_bytes / 2));
        let values = params![self.run_id, self.block, source, inputs, started_ms, half, state, host];
        connection.prepare(insert)?.execute(values)?;
        Ok(connection.last_insert_rowid())
    }
}
