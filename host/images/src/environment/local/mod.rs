//! Environments of the `process` engine: a block's packages, in a folder of the cache, in front of what the machine's
//! interpreter has. Made once for each hash over all that goes in, used by every run that needs the same, and removed
//! by pruning like an image: the folder `environments` has them, the ledger says who uses them.

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

/// A block's own packages. It stays as long as this lives.
#[derive(Debug)]
pub struct LocalEnvironment {
    /// The interpreter that has them, for Python.
    pub python: Option<PathBuf>,
    /// The library that has them, for R.
    pub r_library: Option<PathBuf>,
    /// What the ledger calls it.
    #[allow(dead_code, reason = "records and fingerprints name the environment by it")]
    pub(crate) hash: String,
    /// Keeps it from being removed.
    _hold: LockGuard,
}

/// Gives a block its packages, installing them where nobody has before. `None` where the interpreter has them all.
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

/// Ends an installation that takes longer than the settings allow, with its processes.
async fn within<T>(
    settings: &Settings,
    installing: impl Future<Output = Result<T, LocalError>>,
) -> Result<T, LocalError> {
    let minutes = settings.build.minutes;
    let installed = tokio::time::timeout(settings.build.deadline(), installing).await;
    installed.unwrap_or(Err(LocalError::Deadline { minutes }))
}

/// Cleans up after something was made: images and environments have one budget. What fails here is no failure of what
/// was made.
async fn make_room(engines: &Engines, events: &Events) {
    let settings = engines.settings();
    // Where no engine answers there are only folders.
    let store = engines.images().await.ok();
    let store = store.as_deref();
    let ledger = UsageStore::new(&settings.state_folder);
    let note = match pruning::prune(store, &ledger, settings, pruning::How::AfterBuild).await {
        Ok(report) => report.summary(),
        Err(error) => Some(format!("cannot clean up the environments of blocks: {error}")),
    };
    if let Some(note) = note {
        events.tell(Event::Note(note));
    }
}
