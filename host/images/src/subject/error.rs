//! What can go wrong with asking for a fingerprint.

use crate::environment::EnvironmentError;
use crate::fingerprint::FingerprintError;
use longshore_block::BlockError;
use longshore_engine::{EngineError, StoreError};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A subject has no fingerprint.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// The name means nothing.
    #[error(
        "`{subject}` is neither a path (a block's folder, a script, a fingerprint saved as .json) nor an image of the \
         engine's: `docker images` lists those"
    )]
    Nothing {
        /// What was asked for.
        subject: String,
    },
    /// The image of a block is not there.
    #[error("the image `{image}` of the block `{block}` does not exist: `longshore images build` or a run builds it")]
    NoImage {
        /// The block.
        block: String,
        /// Its image.
        image: String,
    },
    /// A path is there, but no block.
    #[error("`{subject}` is a path, but not a block; for an image of that name, give its tag or id")]
    Block {
        /// The path.
        subject: String,
        /// The cause.
        #[source]
        source: BlockError,
    },
    /// An image was asked for without an engine.
    #[error(
        "`{subject}` is not a block, and the engine `process` has no images: give a block, or use `--engine docker`"
    )]
    NoImages {
        /// What was asked for.
        subject: String,
    },
    /// A saved fingerprint cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file is no saved fingerprint.
    #[error("`{path}` is not a valid fingerprint: {reason}; `longshore fingerprint IMAGE --json` prints one")]
    Saved {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It cannot be said which image a block has.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The store of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be found out what is installed.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
}

impl SubjectError {
    /// Whether the caller asked for something that cannot be, and nothing was started.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Nothing { .. }
                | Self::NoImage { .. }
                | Self::Block { .. }
                | Self::NoImages { .. }
                | Self::Read { .. }
                | Self::Saved { .. }
        )
    }
}
