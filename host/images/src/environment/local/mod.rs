//! Environments of the `process` engine: the SDK and a block's packages, in folders of the cache, before those of the
//! machine's interpreter. Built once for each hash of their input, used by every run that needs the same, and evicted
//! like an image: the folder `environments` contains them, the usage store records their users.

mod base;
mod certificates;
mod diagnosis;
mod environment_cache;
mod error;
mod installer;
mod interpreter;
mod key;
mod python;
mod r;
mod tool;

pub use diagnosis::diagnose;
pub use error::LocalError;

use super::interpreter_version::{OtherVersion, check};
use crate::environment::{Bounds, dockerfile};
use crate::pruning::{self, caches};
use crate::usage_store::{LockGuard, UsageStore};
use environment_cache::{Acquired, BuildDirectory, EnvironmentCache, InstalledEnvironment, Record};
use futures_util::future::BoxFuture;
use interpreter::Interpreter;
use longshore_block::{Block, Language};
use longshore_config::settings::Settings;
use longshore_engine::Engines;
use longshore_model::cancel::Cancel;
use longshore_model::event::{Event, Events};
use std::path::PathBuf;
use tool::Watch;

/// Bytes of a digest in the name of an environment: 128 bits keep any two apart.
const HASH_BYTES: usize = 16;

/// What a block runs with on this machine. It exists as long as this value.
#[derive(Debug, Default)]
pub struct LocalEnvironment {
    /// The interpreter with its packages, for Python.
    pub python: Option<PathBuf>,
    /// The libraries before those of the settings and of R, for R.
    pub r_libraries: Vec<PathBuf>,
    /// Prevent its removal.
    holds: Vec<LockGuard>,
}

/// Provides the SDK and a block's packages, and installs those that are not cached.
pub async fn ensure(
    block: &Block,
    bounds: &Bounds,
    engines: &Engines,
    events: &Events,
    cancel: &Cancel,
) -> Result<LocalEnvironment, LocalError> {
    let settings = &bounds.applied(engines.settings());
    let watch = Watch { events, cancel };
    if dockerfile::of(block).is_some() {
        return Err(LocalError::Dockerfile { folder: block.folder.clone() });
    }
    match block.language {
        Language::Python => python::ensure(block, engines, settings, watch).await,
        Language::R => r::ensure(block, engines, settings, watch).await,
    }
}

/// How the content of an environment is installed.
trait Recipe: Sync {
    /// Installs it in the folder.
    fn build<'a>(&'a self, site: &'a BuildDirectory) -> BoxFuture<'a, Result<Record, LocalError>>;
}

/// Provides an environment of the cache, and builds it if it is missing.
async fn obtain(
    hash: &str,
    recipe: &dyn Recipe,
    engines: &Engines,
    watch: Watch<'_>,
) -> Result<InstalledEnvironment, LocalError> {
    let cache = EnvironmentCache::new(engines.settings());
    loop {
        match cache.take(hash, watch.cancel).await? {
            Acquired::InstalledEnvironment(found) => return Ok(*found),
            Acquired::BuildDirectory(site) => {
                // The cache of downloads must not be removed during the build.
                let _downloads = cache.share(caches::FOLDER, watch.cancel).await?;
                let record = within(engines.settings(), recipe.build(&site)).await?;
                site.publish(&record)?;
                make_room(engines, watch.events).await;
            }
        }
    }
}

/// Refuses an interpreter that a block does not work with.
fn check_version(block: &Block, parent: &Interpreter) -> Result<(), LocalError> {
    check(block, &parent.version).map_err(|OtherVersion { wanted, found }| LocalError::OtherVersion {
        wanted,
        found,
        program: parent.path.clone(),
    })
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
