//! What can go wrong with images.

use super::error::EngineError;
use super::installed::NoAnswer;
use super::refusal::Refusal;
use longshore_model::remedy::Remedy;
use thiserror::Error;

/// A store of images failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No engine answers.
    #[error(transparent)]
    Unreachable(#[from] NoAnswer),
    /// No engine can be used.
    #[error(transparent)]
    NoEngine(Box<EngineError>),
    /// The engine refused or failed.
    #[error("{doing} failed")]
    Engine {
        /// Such as `listing the images`.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Refusal,
    },
    /// The image of an action was removed since.
    #[error("the image `{image}` no longer exists: something else removed it")]
    Gone {
        /// Its name or id.
        image: String,
    },
    /// A build exceeded a limit.
    #[error(
        "the build {did} than its limit of {most}: name fewer packages, or raise `{setting}` in `[build]` of the settings"
    )]
    Limit {
        /// Such as `took more memory`.
        did: &'static str,
        /// The limit.
        most: String,
        /// Its name in the settings.
        setting: &'static str,
    },
    /// A build container ended by itself.
    #[error("the build container ended too early: it was removed or killed, or its image has no `sh` or `cat`")]
    BuildContainerEnded,
}

impl StoreError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Unreachable(error) => error.remedy(),
            Self::NoEngine(error) => error.remedy(),
            _ => None,
        }
    }
}

impl From<EngineError> for StoreError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unreachable(error) => Self::Unreachable(error),
            other => Self::NoEngine(Box::new(other)),
        }
    }
}
