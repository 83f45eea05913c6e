//! The record of a run, which the history keeps as JSON. It never contains a secret.

use crate::kept::KeptRecord;
use longshore_engine::Held;
use longshore_model::constraint::Constraint;
use longshore_model::day::Day;
use longshore_model::engine_kind::EngineKind;
use longshore_model::limits::Limits;
use longshore_model::note::Note;
use longshore_model::outcome::Outcome;
use longshore_model::redact::Secrets;
use longshore_model::remedy::Remedy;
use longshore_protocol::{Dropped, ExitStatus, Usage};
use longshore_table::{Findings, WriteOptions};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The result of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// What the caller can do, if the run did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// Known causes of a failure, each with what the caller can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Note>,
    /// The connected inputs.
    pub inputs: Vec<InputRecord>,
    /// The published outputs.
    pub outputs: Vec<OutputRecord>,
    /// The outputs that a successful script wrote and nobody asked for.
    pub unsaved: Vec<UnsavedRecord>,
    /// The files copied from the working folder, if requested.
    pub kept: Option<KeptRecord>,
    /// Durations of its phases.
    pub timings_ms: Timings,
    /// The engine that it ran on.
    pub engine: EngineKind,
    /// The image's id; `null` on the `process` engine.
    pub image: Option<String>,
    /// The day as of which its packages were chosen, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Day>,
    /// The constraints on the versions of its packages, if there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// The hash over all that is installed there, as fingerprints have it; if hashes were requested.
    pub fingerprint: Option<String>,
    /// SHA-256 over the block's files; if hashes were requested.
    pub code_hash: Option<String>,
    /// SHA-256 of each input's file, by number; `null` for one that can be read only once, is beyond the limit, or is
    /// not connected. If hashes were requested.
    pub data_hashes: Option<Vec<Option<String>>>,
    /// The protections in force: engine, machine and users of its container; `null` on the `process` engine.
    pub held: Option<Held>,
    /// Relaxations compared with the default policy.
    pub loosened: Vec<String>,
    /// Whether it ran in a new container.
    pub fresh_container: bool,
    /// Whether its interpreter had been started before; only of a host with a pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolRecord>,
    /// Exit code or signal of the script.
    pub exit: Option<ExitStatus>,
    /// The script's resource usage.
    pub usage: Option<Usage>,
    /// Bytes of stdout and stderr beyond the limit.
    pub dropped_log_bytes: Dropped,
    /// Number of processes that the script left behind and the agent ended.
    pub left_behind: u32,
    /// The limits that it ran under.
    pub limits: Limits,
    /// Its network: `none` unless relaxed.
    pub network: String,
    /// Files mounted into it.
    pub mounts: Vec<String>,
    /// Options as given, with secrets masked.
    pub options: serde_json::Value,
    /// The script's arguments.
    pub arguments: Vec<String>,
    /// The names of the environment variables that the caller set.
    pub environment: Vec<String>,
    /// Notes, such as those about how tables were read, and failed clean-up.
    pub notes: Vec<Note>,
    /// Its parts, if it ran once for each value of a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Vec<PartitionRecord>>,
    /// Its steps, if it is a chain of blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepRecord>>,
}

/// A step of a chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepRecord {
    /// Its name in the chain.
    pub name: String,
    /// The block's name.
    pub block: String,
    /// The step's own run; `null` if it was not run.
    pub run_id: Option<String>,
    /// How it ended; `null` if it was not run.
    pub outcome: Option<Outcome>,
    /// The script's final message, or why the step did not succeed or was not run.
    pub message: Option<String>,
    /// What the caller can do, if it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The engine that it ran on; `null` if it was not run.
    pub engine: Option<EngineKind>,
    /// The id of its image; `null` on the `process` engine.
    pub image: Option<String>,
    /// Durations of its phases. That of the start includes waiting for the tables of other steps.
    pub timings_ms: Timings,
    /// The script's resource usage.
    pub usage: Option<Usage>,
    /// Its options as given, with secrets masked.
    pub options: serde_json::Value,
    /// The tables that it got from other steps.
    pub passed: Vec<PassedRecord>,
    /// Its published outputs.
    pub outputs: Vec<OutputRecord>,
}

/// A table that passed from one step of a chain to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PassedRecord {
    /// The name of the step that wrote it.
    pub from: String,
    /// Its output there.
    pub output: u32,
    /// The input of this step.
    pub input: usize,
    /// Its rows; `null` if it did not arrive.
    pub rows: Option<u64>,
    /// Its bytes in memory.
    pub bytes: Option<u64>,
    /// The columns whose type is another than the script wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedColumn>,
}

/// A column that has another type where it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangedColumn {
    /// Its name.
    pub name: String,
    /// What it was, as the script wrote it.
    pub from: String,
    /// What it is for the next script.
    pub to: String,
}

/// How a run got its interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PoolRecord {
    /// One that waited, in a container that nothing had used before.
    Hit {
        /// What it had imported before, as at the beginning of the script.
        preloaded: Vec<String>,
    },
    /// One that was started for it.
    Miss {
        /// Why.
        why: String,
    },
}

/// A part of a run that ran once for each value of a field.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionRecord {
    /// The value, as text; `null` for rows without a value.
    pub value: Option<String>,
    /// Rows of input 0 with this value.
    pub rows: u64,
    /// The part's own run.
    pub run_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The script's final message, or why the part did not succeed.
    pub message: Option<String>,
    /// What the caller can do, if it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// How long it took, in milliseconds.
    pub total_ms: f64,
}

/// A connected input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputRecord {
    /// Position, from 0.
    pub index: usize,
    /// Its name in the manifest.
    pub name: Option<String>,
    /// Its file; `-` for standard input.
    pub path: PathBuf,
    /// How it was read, if it is text with a detected dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Findings>,
}

/// A published output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputRecord {
    /// Position, from 0.
    pub index: u32,
    /// Id in the manifest.
    pub id: Option<String>,
    /// Its path; `-` for standard output.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// How its text is written, if options were given.
    #[serde(default, skip_serializing_if = "WriteOptions::is_empty")]
    pub write: WriteOptions,
}

/// An output that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnsavedRecord {
    /// Position, from 0.
    pub index: u32,
    /// Id in the manifest.
    pub id: Option<String>,
    /// Its rows.
    pub rows: u64,
}

/// Durations of a run's phases, in milliseconds; 0 for a phase that was not reached.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timings {
    /// Finding, pulling or building the image.
    pub environment: f64,
    /// Waiting for memory and processors.
    #[serde(default)]
    pub queue: f64,
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
    /// Masks secrets in all texts that a script can influence.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        let parts = self.partitions.iter_mut().flatten();
        let messages = parts.filter_map(|part| part.message.as_mut()).chain(&mut self.message);
        let notes = self.notes.iter_mut().chain(&mut self.hints).map(|note| &mut note.text);
        messages.chain(notes).chain(&mut self.arguments).for_each(|text| *text = secrets.masked(text));
    }
}
