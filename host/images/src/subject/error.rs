//! Errors of a fingerprint's subject.

use crate::environment::{EnvironmentError, LocalError};
use crate::find::FindError;
use crate::fingerprint::FingerprintError;
use longshore_block::BlockError;
use longshore_engine::{EngineError, StoreError};
use longshore_model::activity::ShuttingDown;
use longshore_model::remedy::Remedy;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A subject has no fingerprint.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// The host is shutting down.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    /// The reference matches nothing.
    #[error(
        "`{subject}` is neither a path (a block's folder, a script, a lock, a fingerprint saved as .json) nor an image of \
         the engine, nor the first 6 digits of an environment's hash: `docker images` lists images"
    )]
    Nothing {
        /// The requested subject.
        subject: String,
    },
    /// The image of a block does not exist.
    #[error("the image `{image}` of the block `{block}` does not exist yet: a run builds it")]
    NoImage {
        /// The block.
        block: String,
        /// Its image.
        image: String,
    },
    /// A path exists, but is not a block.
    #[error("`{subject}` is a path, but not a block; for an image of that name, give its tag or id")]
    Block {
        /// The path.
        subject: String,
        /// The cause.
        #[source]
        source: BlockError,
    },
    /// An image was requested without an engine.
    #[error("`{subject}` is not a block, and the engine `process` has no images: give a block")]
    NoImages {
        /// The requested subject.
        subject: String,
    },
    /// The reference is ambiguous.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A saved fingerprint cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file is not a saved fingerprint.
    #[error("`{path}` is not a valid fingerprint: {reason}")]
    Saved {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The image of a block cannot be determined.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The environment of a block on this machine cannot be created.
    #[error(transparent)]
    Local(#[from] Box<LocalError>),
    /// The store of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The packages could not be listed.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
}

impl SubjectError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::NoImage { block, .. } => Some(Remedy::BuildBlockImage { block: block.clone() }),
            Self::NoImages { .. } => Some(Remedy::UseContainers),
            Self::Saved { .. } => Some(Remedy::TakeFingerprint),
            Self::Engine(error) => error.remedy(),
            Self::Environment(error) => error.remedy(),
            Self::Local(error) => error.remedy(),
            Self::Store(error) => error.remedy(),
            Self::Find(error) => error.remedy(),
            Self::Fingerprint(error) => error.remedy(),
            Self::ShuttingDown(_) | Self::Nothing { .. } | Self::Block { .. } | Self::Read { .. } => None,
        }
    }

    /// Whether the request is wrong, and nothing was started.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Nothing { .. }
                | Self::Find(FindError::Ambiguous { .. })
                | Self::Environment(EnvironmentError::Lock { .. } | EnvironmentError::File { .. })
                | Self::NoImage { .. }
                | Self::Block { .. }
                | Self::NoImages { .. }
                | Self::Read { .. }
                | Self::Saved { .. }
        )
    }
}
