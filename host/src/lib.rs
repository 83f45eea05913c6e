//! Runs users' scripts in fresh containers and passes them tables without copying.
//!
//! A program creates a [`Host`] once, describes a run as a [`RunRequest`], and awaits [`Host::run`] for its
//! [`RunRecord`]. The request is checked first: errors in manifests, options, inputs and outputs are found before
//! anything starts.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use longshore::{Host, RunRequest, Settings};
//!
//! let host = Host::new(Settings::default());
//! let record = host.run(RunRequest::new("examples/penguins").input("penguins.csv").output("clusters.parquet")).await?;
//! assert!(record.outcome.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! Tables need no files: inputs may be readers, record batches and segments ([`InputSpec`]); outputs may be sent to
//! writers or returned to the program ([`OutputSpec`]) once the run has succeeded. [`arrow`] re-exports the version of
//! Arrow in use.
//!
//! ```no_run
//! # async fn example(host: longshore::Host, batch: longshore::arrow::RecordBatch) -> Result<(), Box<dyn std::error::Error>> {
//! use longshore::{OutputSpec, RunRequest};
//!
//! let (output, table) = OutputSpec::batches();
//! let record = host.run(RunRequest::new("double.py").input(batch).output(output)).await?;
//! assert!(record.outcome.is_success(), "{:?}", record.message);
//! for batch in table.take()? {
//!     println!("{} rows", batch?.num_rows());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A run has events, and can be cancelled; [`Host::shutdown`] cancels all runs and builds, and waits for their ends.
//!
//! ```no_run
//! # async fn example(host: longshore::Host) -> Result<(), Box<dyn std::error::Error>> {
//! use longshore::{CancelLevel, Event, RunRequest};
//!
//! let mut run = host.run(RunRequest::new("long.py"));
//! let cancel = run.cancellation();
//! if let Some(mut events) = run.events() {
//!     tokio::spawn(async move {
//!         while let Some(event) = events.recv().await {
//!             if let Event::Error(text) = event {
//!                 eprintln!("{text}");
//!                 cancel.cancel(CancelLevel::Gently);
//!             }
//!         }
//!     });
//! }
//! let record = run.await?;
//! # Ok(())
//! # }
//! ```

pub mod arrow;
mod host;
mod resident;
mod running;

pub use host::Host;
pub use longshore_archive as archive;
pub use longshore_block as block;
pub use longshore_cases as cases;
pub use longshore_config as config;
pub use longshore_config::settings::{
    AdmissionSettings, ImageSettings, PackageSettings, Pull, RunSettings, ServerChoice, Settings,
};
pub use longshore_engine::{
    BuildVolume, Diagnosis, EngineError, EngineFacts, Engines, Fix, Held, Identity, Namespaces, NetworkMaker, NoAnswer,
    Policy, PolicyMount, ProcessLimit, SeccompProfile, SocketMemory, StoreError, Temporary, Tried,
};
pub use longshore_images::credentials::CredentialsError;
pub use longshore_images::environment::{EnvironmentError, PullError};
pub use longshore_images::find::FindError;
pub use longshore_images::pruning as images;
pub use longshore_images::{collection, environment, fingerprint, provision, subject, transfer};
pub use longshore_model::activity::ShuttingDown;
pub use longshore_model::cancel::{Cancel, CancelLevel};
pub use longshore_model::constraint::{Constraint, ConstraintError, ConstraintsError};
pub use longshore_model::day::{AsOf, AsOfError, Day, DayError};
pub use longshore_model::engine_kind::{EngineChoice, EngineKind};
pub use longshore_model::event::{Attended, DroppedEvents, Event, EventReceiver, Events, PullStep, events};
pub use longshore_model::limits::{Limits, TimeLimit};
pub use longshore_model::network::{Network, NetworkError, NetworkName};
pub use longshore_model::note::Note;
pub use longshore_model::outcome::{Evidence, Outcome, decide};
pub use longshore_model::pull_progress::{LayerProgress, LayerStatus};
pub use longshore_model::reference::ReferenceError;
pub use longshore_model::remedy::{PackageList, Remedy};
pub use longshore_model::{causes, digest, human, image_kind, lines, shown, size};
pub use longshore_os::disk_use::folder_bytes;
pub use longshore_os::program::find_program;
pub use longshore_os::{open_files, small_file};
pub use longshore_protocol::{Dropped, ExitStatus, LogSource, OutputName, Usage};
pub use longshore_run::admission::{Admission, Load, QueueFull, Seat, Turn};
pub use longshore_run::chain::{ChainError, ChainRequest, Connection, PreparedChain, Step};
pub use longshore_run::cut::{PartitionSpec, SplitError};
pub use longshore_run::dry_run;
pub use longshore_run::kept::KeptRecord;
pub use longshore_run::output::{HandOver, NotHandedOver, OtherOutputs, OutputBatches, OutputHandle};
pub use longshore_run::pool::PoolStatus;
pub use longshore_run::record::{
    ChangedColumn, InputRecord, OutputRecord, PartitionRecord, PassedRecord, RunRecord, StepRecord, Timings,
    UnsavedRecord,
};
pub use longshore_run::request::{
    CHUNK_ROWS, CheckedBlock, CheckedColumn, CheckedInput, CheckedInputs, InputSource, InputSpec, Mount, OutputSpec,
    OutputTarget, Prepared, RequestError, RunRequest,
};
pub use longshore_run::single::Explained;
pub use longshore_run::submission;
pub use longshore_segment::{Segment, SegmentError};
pub use longshore_store as history;
pub use longshore_table as table;
pub use running::{RunError, Running};
pub use serde_json;
