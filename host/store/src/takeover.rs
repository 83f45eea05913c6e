//! Records of former versions: each run was a folder, with its record and its log. They become runs of the database, and
//! the folders are removed. A takeover that is interrupted goes on with the next one; several processes may work on it
//! at the same time. Folders that cannot be read stay.

use crate::database::Database;
use crate::error::StoreFailure;
use crate::log::{LogSource, add_part};
use crate::new_run::NewRun;
use crate::pending::Part;
use longshore_os::locked_folder::{is_locked, remove_unlocked};
use longshore_os::presence::if_there;
use longshore_os::small_file;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use serde::Deserialize;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of runs in the state folder.
const FOLDER: &str = "runs";

/// A run's entry, in the run's folder.
const ENTRY: &str = "run.json";

/// The script's output, beside it.
const LOG: &str = "log";

/// Most bytes of a log that is taken over: a thousand times what the default settings kept.
const LOG_MAX: u64 = 1 << 30;

/// Bytes of a part of the log: small beside the largest value of SQLite (1 GB).
const PART: usize = 4 << 20;

/// A folder that was not taken over.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeftFolder {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// The contents of an entry.
#[derive(Debug, Deserialize)]
struct Entry {
    run_id: String,
    block: String,
    source: PathBuf,
    inputs: Vec<Option<PathBuf>>,
    started_ms: u64,
    /// `null` until the run has ended.
    record: Option<Value>,
}

/// Whether there may be records of former versions.
pub(crate) fn may_be_needed(state_folder: &Path) -> bool {
    std::fs::read_dir(state_folder.join(FOLDER)).is_ok_and(|mut entries| entries.next().is_some())
}

/// Takes over the records of former versions. Runs that go on in a process of such a version are left to later.
pub(crate) fn take_over(database: &mut Database, state_folder: &Path) -> Result<Vec<LeftFolder>, StoreFailure> {
    let folder = state_folder.join(FOLDER);
    let mut left = Vec::new();
    for entry in if_there(std::fs::read_dir(&folder))?.into_iter().flatten() {
        let entry = entry?;
        // The lock is checked first: a run that ends in between has its record then.
        if !entry.file_type()?.is_dir() || is_locked(&entry.path()) {
            continue;
        }
        let path = entry.path();
        match read(&path) {
            Ok((entry, log)) => {
                insert(database, &entry, &log)?;
                if let Err(error) = remove_unlocked(&path) {
                    left.push(LeftFolder { path, reason: format!("it is taken over, but cannot be removed: {error}") });
                }
            }
            // Another process has taken it over.
            Err(_) if !path.exists() => {}
            Err(error) => left.push(LeftFolder { path, reason: error.to_string() }),
        }
    }
    // Where a folder stays, it does too.
    let _ = std::fs::remove_dir(folder);
    Ok(left)
}

fn read(folder: &Path) -> io::Result<(Entry, Vec<u8>)> {
    let in_file =
        |name: &'static str| move |error: io::Error| io::Error::new(error.kind(), format!("`{name}`: {error}"));
    let text = small_file::read(&folder.join(ENTRY), small_file::MADE_MAX).map_err(in_file(ENTRY))?;
    let entry: Entry = serde_json::from_slice(&text).map_err(|error| in_file(ENTRY)(error.into()))?;
    if folder.file_name().is_none_or(|name| name != entry.run_id.as_str()) {
        return Err(in_file(ENTRY)(io::Error::other("its run has not the name of the folder")));
    }
    let log = if_there(small_file::read(&folder.join(LOG), LOG_MAX)).map_err(in_file(LOG))?;
    Ok((entry, log.unwrap_or_default()))
}

fn insert(database: &mut Database, entry: &Entry, log: &[u8]) -> Result<(), StoreFailure> {
    let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = "SELECT 1 FROM runs WHERE run_id = ?1";
    if transaction.query_row(known, [&entry.run_id], |_| Ok(())).optional()?.is_some() {
        return Ok(());
    }
    let Entry { run_id, block, source, inputs, started_ms, record } = entry;
    let run = NewRun {
        run_id: run_id.clone(),
        block: block.clone(),
        source: source.clone(),
        inputs: inputs.clone(),
        started_ms: *started_ms,
        // It was shortened when it was written.
        log_bytes: u64::MAX,
    };
    let number = run.insert(&transaction, if record.is_some() { "ended" } else { "lost" }, None)?;
    if let Some(record) = record {
        let outcome = record.get("outcome").and_then(Value::as_str);
        let update = "UPDATE runs SET outcome = ?2, record = ?3 WHERE number = ?1";
        transaction.execute(update, params![number, outcome, serde_json::to_string(record)?])?;
    }
    let mut start = 0;
    for bytes in log.chunks(PART) {
        add_part(&transaction, number, LogSource::Script, &Part { start, bytes: bytes.to_vec() })?;
        start += bytes.len() as u64;
    }
    let update = "UPDATE runs SET script_bytes = ?2 WHERE number = ?1";
    transaction.execute(update, params![number, crate::database::signed(start)])?;
    Ok(transaction.commit()?)
}
