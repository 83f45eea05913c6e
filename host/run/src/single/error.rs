//! Why a run ended before its script began.

use longshore_engine::EngineError;
use longshore_images::environment::{EnvironmentError, LocalError};
use thiserror::Error;

/// What a run needs was not to be had.
#[derive(Debug, Error)]
pub(super) enum RunError {
    /// The engine, or what it needs, failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The environment could not be had.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The block's packages could not be installed on this machine.
    #[error(transparent)]
    Packages(#[from] LocalError),
}
