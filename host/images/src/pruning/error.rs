//! Errors of listing and evicting images.

use longshore_engine::StoreError;
use longshore_model::remedy::Remedy;
use std::path::PathBuf;
use thiserror::Error;

/// The images or their usage records could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PruneError {
    /// The store of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of the `process` engine's environments cannot be listed.
    #[error("cannot list the environments in `{path}`")]
    Folders {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The usage store cannot be read or written.
    #[error("cannot use the folder `{path}`, which records uses and pins of images")]
    UsageStore {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl PruneError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        if let Self::Store(error) = self { error.remedy() } else { None }
    }
}
