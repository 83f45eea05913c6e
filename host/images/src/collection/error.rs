//! What can go wrong with keeping images.

use crate::environment::EnvironmentError;
use crate::pruning::PruneError;
use longshore_block::BlockError;
use longshore_engine::StoreError;
use thiserror::Error;

/// Looking at images, or keeping them in order, failed.
#[derive(Debug, Error)]
pub enum ImagesError {
    /// The images, or what is known of them, could not be looked at.
    #[error(transparent)]
    Survey(#[from] PruneError),
    /// Nothing is called so.
    #[error("there is no image `{reference}` among those made here: `longshore images list` shows them")]
    NotFound {
        /// What was asked for.
        reference: String,
    },
    /// It is an image of somebody else's.
    #[error("the image `{reference}` was not made here: clean-up never removes it, so it needs no pin")]
    NotOurs {
        /// What was asked for.
        reference: String,
    },
    /// Several are called so.
    #[error("`{reference}` is ambiguous, it matches {}: give more digits", names.join(", "))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// Which ones.
        names: Vec<String>,
    },
    /// What was named is there, and is no block.
    #[error("`{block}` is neither an image made here nor a readable block")]
    Block {
        /// What was named.
        block: String,
        /// The cause.
        #[source]
        source: Box<BlockError>,
    },
    /// What a block runs in cannot be told.
    #[error("cannot find the environment of the block `{block}`")]
    Environment {
        /// The block.
        block: String,
        /// The cause.
        #[source]
        source: Box<EnvironmentError>,
    },
    /// A block was named that needs nothing of its own.
    #[error("the block `{block}` needs nothing beyond its base image, so it has no image of its own")]
    NoEnvironment {
        /// The block.
        block: String,
    },
    /// A block was named, and its image is not there.
    #[error("the block `{block}` has no image of its own yet: build it with `longshore images build {block}`")]
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
    /// Whether what was asked for is wrong, and not the machine.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Survey(_) | Self::Environment { .. })
    }
}
