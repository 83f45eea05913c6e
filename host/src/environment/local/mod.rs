//! Environments of the `process` engine: a block's packages, in a folder of the cache, in front of what the machine's
//! interpreter has. Made once for each hash over all that goes in, used by every run that needs the same, and removed
//! by pruning like an image: the folder `environments` has them, the ledger says who uses them.

mod certificates;
mod error;
mod interpreter;
mod python;
mod r;
mod shelf;
mod tool;

pub use error::LocalError;

use crate::block::{Block, Language};
use crate::cancel::Cancel;
use crate::event::Events;
use crate::settings::Settings;
use crate::store::Hold;
use std::path::PathBuf;
use tool::Watch;

/// A block's own packages. It stays as long as this lives.
#[derive(Debug)]
pub(crate) struct LocalEnvironment {
    /// The interpreter that has them, for Python.
    pub(crate) python: Option<PathBuf>,
    /// The library that has them, for R.
    pub(crate) r_library: Option<PathBuf>,
    /// What the ledger calls it.
    #[allow(dead_code, reason = "records and fingerprints name the environment by it")]
    pub(crate) hash: String,
    /// Keeps it from being removed.
    _hold: Hold,
}

/// Gives a block its packages, installing them where nobody has before. `None` where the interpreter has them all.
pub(crate) async fn ensure(
    block: &Block,
    settings: &Settings,
    events: &Events,
    cancel: &Cancel,
) -> Result<Option<LocalEnvironment>, LocalError> {
    if block.dependencies.is_empty() {
        return Ok(None);
    }
    let watch = Watch { events, cancel };
    match block.language {
        Language::Python => python::ensure(block, settings, watch).await,
        Language::R => r::ensure(block, settings, watch).await,
    }
}
