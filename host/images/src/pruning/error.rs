//! What can go wrong with looking through images, and with removing some.

use longshore_engine::StoreError;
use std::path::PathBuf;
use thiserror::Error;

/// The images, or what is known of them, could not be looked at.
#[derive(Debug, Error)]
pub enum PruneError {
    /// The store of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of the `process` engine's environments cannot be looked through.
    #[error("cannot list the environments in `{path}`")]
    Folders {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// What is known of images between runs cannot be read or written.
    #[error("cannot use the folder `{path}`, which records uses and pins of images")]
    UsageStore {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}
