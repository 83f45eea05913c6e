//! The record of a run: what `--json` prints and what is kept. It never holds a secret.

use crate::kept::KeptRecord;
use longshore_engine::Held;
use longshore_model::engine_kind::EngineKind;
use longshore_model::limits::Limits;
use longshore_model::outcome::Outcome;
use longshore_model::redact::Secrets;
use longshore_protocol::{Dropped, ExitStatus, Usage};
use longshore_table::{Findings, WriteOptions};
use serde::Serialize;
use std::path::PathBuf;

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run's id.
    pub run_id: String,
    /// The block's name.
    pub block: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The script's final message, or why the run did not succeed.
    pub message: Option<String>,
    /// The inputs that are connected.
    pub inputs: Vec<InputRecord>,
    /// The outputs published.
    pub outputs: Vec<OutputRecord>,
    /// What was brought back from the working folder, where that was asked for.
    pub kept: Option<KeptRecord>,
    /// How long its parts took.
    pub timings_ms: Timings,
    /// Where it ran.
    pub engine: EngineKind,
    /// The image's id; `null` on the `process` engine.
    pub image: Option<String>,
    /// The hash over all that is installed there, as `longshore fingerprint` has it; where hashes were asked for.
    pub fingerprint: Option<String>,
    /// SHA-256 over the block's files; where hashes were asked for.
    pub code_hash: Option<String>,
    /// SHA-256 of each input's file, by number; `null` for one that passes only once, is beyond the limit, or is not
    /// connected. Where hashes were asked for.
    pub data_hashes: Option<Vec<Option<String>>>,
    /// What held it: the engine, the machine and the users of its container; `null` on the `process` engine.
    pub held: Option<Held>,
    /// What was looser than for a run that names nothing.
    pub loosened: Vec<String>,
    /// Whether it ran in a container that nothing had run in before.
    pub fresh_container: bool,
    /// Exit code or signal of the script.
    pub exit: Option<ExitStatus>,
    /// What the script used.
    pub usage: Option<Usage>,
    /// Bytes of stdout and stderr beyond the limit.
    pub dropped_log_bytes: Dropped,
    /// Processes that the script left behind and the agent ended.
    pub left_behind: u32,
    /// The limits it ran under.
    pub limits: Limits,
    /// The network it had: `none` unless loosened.
    pub network: String,
    /// Files mounted into it.
    pub mounts: Vec<String>,
    /// Options as given, secrets masked.
    pub options: serde_json::Value,
    /// Things to know about it: unwritten outputs, failed clean-up.
    pub notes: Vec<String>,
    /// Its parts, where it ran once for each value of a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Vec<PartitionRecord>>,
}

/// A part of a run that ran once for each value of a field.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PartitionRecord {
    /// The value, as text; `null` for rows that have none.
    pub value: Option<String>,
    /// Rows of input 0 that have it.
    pub rows: u64,
    /// The part's own run.
    pub run_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The script's final message, or why the part did not succeed.
    pub message: Option<String>,
    /// How long it took, in milliseconds.
    pub total_ms: f64,
}

/// An input that is connected.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct InputRecord {
    /// Position, from 0.
    pub index: usize,
    /// Its name in the manifest.
    pub name: Option<String>,
    /// Its file; `-` for standard input.
    pub path: PathBuf,
    /// How it is read, where it is text whose dialect is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Findings>,
}

/// An output that was published.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OutputRecord {
    /// Position, from 0.
    pub index: u32,
    /// Id in the manifest.
    pub id: Option<String>,
    /// Where it is; `-` for standard output.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// How its text is written, where that was said.
    #[serde(skip_serializing_if = "WriteOptions::is_empty")]
    pub write: WriteOptions,
}

/// How long the parts of a run took, in milliseconds; 0 for a part that was not reached.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Finding the image.
    pub environment: f64,
    /// From there until the agent had connected.
    pub start: f64,
    /// From the run's beginning until the interpreter was started.
    pub first_line: f64,
    /// The script, from its start to its end.
    pub run: f64,
    /// Publishing outputs.
    pub publish: f64,
    /// All of it, clean-up included.
    pub total: f64,
}

impl RunRecord {
    /// Takes them out of all that a script has a say in.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        let parts = self.partitions.iter_mut().flatten();
        let messages = parts.filter_map(|part| part.message.as_mut()).chain(&mut self.message);
        messages.chain(&mut self.notes).for_each(|text| *text = secrets.masked(text));
    }
}
