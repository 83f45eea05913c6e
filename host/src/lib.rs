//! Runs users' scripts in fresh containers and hands them tables without copying.
//!
//! A caller describes a run as a [`RunSpec`], has it checked ([`RunSpec::prepare`]: everything that can be wrong with
//! manifests, options, inputs and outputs is found before anything starts), and runs it with [`run`]. What happens
//! meanwhile comes as [`Event`]s; what came of it is a [`RunRecord`].
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use longshore::{Cancel, InputSpec, OutputSpec, RunSpec, Settings};
//! use std::path::PathBuf;
//!
//! let mut spec = RunSpec::new("examples/penguins");
//! spec.inputs.push(InputSpec::new(None, PathBuf::from("penguins.csv")));
//! spec.outputs.push(OutputSpec::new(None, PathBuf::from("clusters.parquet")));
//! spec.engine = EngineChoice::Auto;
//! let prepared = spec.prepare()?;
//! let (events, mut happened) = longshore::events();
//! let console = tokio::spawn(async move { while let Some(event) = happened.recv().await { drop(event) } });
//! let record = longshore::run(prepared, &Settings::default(), events, &Cancel::never()).await;
//! console.await?;
//! assert!(record.outcome.is_success());
//! # Ok(())
//! # }
//! ```

pub mod archive;
mod available;
pub mod block;
mod budget;
mod cancel;
pub mod cases;
pub mod causes;
pub mod config;
#[cfg(test)]
mod dice;
mod digest;
mod engine;
mod engine_kind;
pub mod environment;
mod event;
pub mod fingerprint;
mod folder;
mod hashes;
mod hint;
pub mod history;
pub mod human;
mod image_id;
pub mod image_kind;
pub mod images;
mod input;
mod kept;
mod labels;
mod limits;
mod listener;
mod locked_folder;
mod mountinfo;
mod network;
mod outcome;
mod output;
mod partition;
mod place;
mod platform;
mod publish;
mod pull_progress;
mod record;
mod redact;
mod run;
mod run_id;
mod session;
mod settings;
mod shared_file;
pub mod shown;
pub mod size;
pub mod small_file;
mod spec;
mod store;
pub mod table;
mod task;

pub use cancel::{Cancel, CancelLevel};
pub use engine::{
    Diagnosis, EngineError, EngineFacts, Held, Identity, Namespaces, NoAnswer, Policy, PolicyMount, ProcessLimit,
    SeccompProfile, SocketMemory, Temporary, diagnose,
};
pub use engine_kind::{EngineChoice, EngineKind};
pub use environment::EnvironmentError;
pub use event::{DroppedEvents, Event, EventReceiver, Events, PullStep, events};
pub use kept::KeptRecord;
pub use limits::{Limits, TimeLimit};
pub use network::{Network, NetworkError, NetworkName};
pub use outcome::{Evidence, Outcome, decide};
pub use partition::SplitError;
pub use pull_progress::{LayerProgress, LayerStatus};
pub use record::{InputRecord, OutputRecord, PartitionRecord, RunRecord, Timings};
pub use run::{Explained, explain, run};
pub use settings::{ImageSettings, PackageSettings, Pull, RunSettings, Settings};
pub use spec::{
    CHUNK_ROWS, CheckedColumn, CheckedInput, CheckedInputs, InputSpec, Mount, OutputSpec, PartitionSpec, Prepared,
    RunSpec, SpecError,
};
pub use store::{CredentialsError, PullError, ReferenceError, StoreError};
