//! Runs users' scripts in fresh containers and hands them tables without copying.
//!
//! A caller describes a run as a [`RunRequest`], has it checked ([`RunRequest::prepare`]: everything that can be wrong with
//! manifests, options, inputs and outputs is found before anything starts), and runs it on a [`Host`]. What happens
//! meanwhile arrives as [`Event`]s; the result is a [`RunRecord`].
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use longshore::{Cancel, Host, RunRequest, Settings};
//!
//! let request = RunRequest::new("examples/penguins").input("penguins.csv").output("clusters.parquet");
//! let prepared = request.prepare()?;
//! let (events, mut happened) = longshore::events();
//! let console = tokio::spawn(async move { while let Some(event) = happened.recv().await { drop(event) } });
//! let host = Host::new(Settings::default());
//! let record = host.run(prepared, events, &Cancel::new()).await;
//! console.await?;
//! assert!(record.outcome.is_success());
//! # Ok(())
//! # }
//! ```

pub mod arrow;
mod host;

pub use host::Host;
pub use longshore_archive as archive;
pub use longshore_block as block;
pub use longshore_cases as cases;
pub use longshore_config as config;
pub use longshore_config::settings::{ImageSettings, PackageSettings, Pull, RunSettings, Settings};
pub use longshore_engine::StoreError;
pub use longshore_engine::{
    Diagnosis, EngineError, EngineFacts, Engines, Held, Identity, Namespaces, NoAnswer, Policy, PolicyMount,
    ProcessLimit, SeccompProfile, SocketMemory, Temporary,
};
pub use longshore_images::credentials::CredentialsError;
pub use longshore_images::environment::EnvironmentError;
pub use longshore_images::environment::PullError;
pub use longshore_images::find::FindError;
pub use longshore_images::pruning as images;
pub use longshore_images::{collection, environment, fingerprint, subject, transfer};
pub use longshore_model::cancel::{Cancel, CancelLevel};
pub use longshore_model::engine_kind::{EngineChoice, EngineKind};
pub use longshore_model::event::{DroppedEvents, Event, EventReceiver, Events, PullStep, events};
pub use longshore_model::limits::{Limits, TimeLimit};
pub use longshore_model::network::{Network, NetworkError, NetworkName};
pub use longshore_model::outcome::{Evidence, Outcome, decide};
pub use longshore_model::pull_progress::{LayerProgress, LayerStatus};
pub use longshore_model::reference::ReferenceError;
pub use longshore_model::{causes, human, image_kind, shown, size};
pub use longshore_os::program::find_program;
pub use longshore_os::small_file;
pub use longshore_protocol::{Dropped, ExitStatus, LogSource, OutputName, Usage};
pub use longshore_run::cut::{PartitionSpec, SplitError};
pub use longshore_run::history;
pub use longshore_run::kept::KeptRecord;
pub use longshore_run::output::{HandOver, NotHandedOver, OutputBatches, OutputHandle};
pub use longshore_run::record::{InputRecord, OutputRecord, PartitionRecord, RunRecord, Timings};
pub use longshore_run::request::{
    CHUNK_ROWS, CheckedColumn, CheckedInput, CheckedInputs, InputSource, InputSpec, Mount, OutputSpec, OutputTarget,
    Prepared, RequestError, RunRequest,
};
pub use longshore_run::single::Explained;
pub use longshore_segment::{Segment, SegmentError};
pub use longshore_table as table;
pub use serde_json;
