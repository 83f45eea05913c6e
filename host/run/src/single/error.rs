//! Errors that end a run before its script starts.

use crate::admission::QueueFull;
use longshore_engine::EngineError;
use longshore_images::environment::{EnvironmentError, LocalError};
use longshore_model::remedy::Remedy;
use thiserror::Error;

/// A resource of a run is not available.
#[derive(Debug, Error)]
pub(super) enum RunError {
    /// Too many runs wait.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The engine, or what it needs, failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The environment is not available.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The SDK or the block's packages are not available on this machine.
    #[error(transparent)]
    Packages(#[from] LocalError),
}

impl RunError {
    /// What the caller can do.
    pub(super) fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::QueueFull(_) => None,
            Self::Engine(error) => error.remedy(),
            Self::Environment(error) => error.remedy(),
            Self::Packages(error) => error.remedy(),
        }
    }
}
