//! Errors of the image collection.

use crate::environment::EnvironmentError;
use crate::pruning::{PruneError, Stays};
use longshore_block::BlockError;
use longshore_engine::StoreError;
use longshore_model::activity::ShuttingDown;
use longshore_model::remedy::Remedy;
use thiserror::Error;

/// Listing or managing images failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImagesError {
    /// The images or their usage records could not be read.
    #[error(transparent)]
    Survey(#[from] PruneError),
    /// The host is shutting down.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    /// No image has this name.
    #[error("there is no image `{reference}` among those made here")]
    NotFound {
        /// The requested reference.
        reference: String,
    },
    /// The image was not made by this store.
    #[error("the image `{reference}` was not made here: clean-up never removes it, so it needs no pin")]
    NotOurs {
        /// The requested reference.
        reference: String,
    },
    /// The image may not be removed now.
    #[error("cannot remove the image `{reference}`: {}", why.reason())]
    Stays {
        /// The requested reference.
        reference: String,
        /// Why it stays.
        why: Stays,
    },
    /// The image could not be removed.
    #[error("cannot remove the image `{reference}`")]
    NotRemoved {
        /// The requested reference.
        reference: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Several images match.
    #[error("`{reference}` is ambiguous, it matches {}: give more digits", names.join(", "))]
    Ambiguous {
        /// The requested reference.
        reference: String,
        /// The matching images.
        names: Vec<String>,
    },
    /// The path exists, but is not a block.
    #[error("`{block}` is neither an image made here nor a readable block")]
    Block {
        /// The path.
        block: String,
        /// The cause.
        #[source]
        source: Box<BlockError>,
    },
    /// The environment of a block cannot be determined.
    #[error("cannot find the environment of the block `{block}`")]
    Environment {
        /// The block.
        block: String,
        /// The cause.
        #[source]
        source: Box<EnvironmentError>,
    },
    /// The block needs no image of its own.
    #[error("the block `{block}` needs nothing beyond its base image, so it has no image of its own")]
    NoEnvironment {
        /// The block.
        block: String,
    },
    /// The image of the block does not exist.
    #[error("the block `{block}` has no image of its own yet")]
    NoImageOfBlock {
        /// The block.
        block: String,
    },
}

impl From<StoreError> for ImagesError {
    fn from(source: StoreError) -> Self {
        Self::Survey(PruneError::Store(source))
    }
}

impl ImagesError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Survey(error) => error.remedy(),
            Self::NotFound { .. } => Some(Remedy::ListImages),
            Self::Environment { source, .. } => source.remedy(),
            Self::NoImageOfBlock { block } => Some(Remedy::BuildBlockImage { block: block.clone() }),
            Self::ShuttingDown(_)
            | Self::NotOurs { .. }
            | Self::Stays { .. }
            | Self::NotRemoved { .. }
            | Self::Ambiguous { .. }
            | Self::Block { .. }
            | Self::NoEnvironment { .. } => None,
        }
    }

    /// Whether the request is wrong, not the machine.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Survey(_) | Self::ShuttingDown(_) | Self::Environment { .. } | Self::NotRemoved { .. })
    }
}
