//! Environments of the `process` engine: a block's packages, in a folder of the cache, before those of the machine's
//! interpreter. Built once for each hash of their input, used by every run that needs the same, and evicted like an
//! image: the folder `environments` contains them, the usage store records their users.

mod certificates;
mod environment_cache;
mod error;
mod interpreter;
mod key;
mod python;
mod r;
mod tool;

pub use error::LocalError;

use crate::pruning;
use crate::usage_store::{LockGuard, UsageStore};
use longshore_block::{Block, Language};
use longshore_config::settings::Settings;
use longshore_engine::Engines;
use longshore_model::cancel::Cancel;
use longshore_model::event::{Event, Events};
use std::path::PathBuf;
use tool::Watch;

/// Bytes of a digest in the name of an environment: 128 bits keep any two apart.
const HASH_BYTES: usize = 16;

/// A block's own packages. They exist as long as this value.
#[derive(Debug)]
pub struct LocalEnvironment {
    /// The interpreter with these packages, for Python.
    pub python: Option<PathBuf>,
    /// The library with these packages, for R.
    pub r_library: Option<PathBuf>,
    /// Its name in the usage store.
    #[allow(dead_code, reason = "records and fingerprints name the environment by it")]
    pub(crate) hash: String,
    /// Prevents its removal.
    _hold: LockGuard,
}

/// Provides a block's packages, and installs them if they are not cached. `None` if the interpreter has all of them.
pub async fn ensure(
    block: &Block,
    engines: &Engines,
    events: &Events,
    cancel: &Cancel,
) -> Result<Option<LocalEnvironment>, LocalError> {
    if block.dependencies.is_empty() {
        return Ok(None);
    }
    let watch = Watch { events, cancel };
    match block.language {
        Language::Python => python::ensure(block, engines, watch).await,
        Language::R => r::ensure(block, engines, watch).await,
    }
}

/// Ends an installation that exceeds the time limit of the settings, with its processes.
async fn within<T>(
    settings: &Settings,
    installing: impl Future<Output = Result<T, LocalError>>,
) -> Result<T, LocalError> {
    let minutes = settings.build.minutes;
    let installed = tokio::time::timeout(settings.build.deadline(), installing).await;
    installed.unwrap_or(Err(LocalError::Deadline { minutes }))
}

/// Cleans up after a build: images and environments share one budget. A failure here does not fail the build.
async fn make_room(engines: &Engines, events: &Events) {
    let settings = engines.settings();
    // If no engine answers, there are only folders.
    let store = engines.images().await.ok();
    let store = store.as_deref();
    let ledger = UsageStore::new(&settings.state_folder);
    let note = match pruning::prune(store, &ledger, settings, pruning::How::AfterBuild).await {
        Ok(report) => report.summary(),
        Err(error) => Some(format!("cannot clean up the environments of blocks: {error}")),
    };
    if let Some(note) = note {
        events.tell(Event::Note(note.into()));
    }
}
