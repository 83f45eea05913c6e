//! Errors of exporting images to archives and importing them.

use crate::find::FindError;
use longshore_archive::fault::ArchiveFault;
use longshore_engine::StoreError;
use longshore_model::activity::ShuttingDown;
use longshore_model::remedy::Remedy;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// An image was not exported. An existing file is unchanged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The image is not available.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The host is shutting down.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No file can be written to the given path.
    #[error("cannot write the archive to `{path}`: {reason}")]
    NoPlace {
        /// The path.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The archive cannot be written.
    #[error("cannot write the archive `{path}`")]
    Write {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The writer does not accept the archive.
    #[error("cannot write the archive")]
    Send(#[source] io::Error),
    /// The engine's data cannot be stored.
    #[error("cannot store the data from the engine in `{folder}`")]
    Keep {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The engine sent no valid image.
    #[error("the engine sent no valid image for `{image}`")]
    Sent {
        /// The image.
        image: String,
        /// The cause.
        #[source]
        source: ArchiveFault,
    },
    /// The task panicked or was cancelled.
    #[error("cannot finish writing the archive")]
    Ended(#[source] tokio::task::JoinError),
}

impl ExportError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Find(error) => error.remedy(),
            Self::Store(error) => error.remedy(),
            _ => None,
        }
    }

    /// Whether the request is wrong, and nothing was started.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::NoPlace { .. } | Self::Find(FindError::NotFound { .. } | FindError::Ambiguous { .. }))
    }
}

/// An image was not imported. The engine's images are unchanged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The archive is damaged, hostile, or not for this machine.
    #[error("`{path}` was rejected; nothing was changed")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: ArchiveFault,
    },
    /// The name that it would get belongs to another image.
    #[error(
        "`{path}` was rejected: `{name}` is another image, `{there}`; to replace it, remove it first \
         (`docker rmi {name}`)"
    )]
    NameTaken {
        /// The archive.
        path: PathBuf,
        /// The name.
        name: String,
        /// The id of the image that has it.
        there: String,
    },
    /// The engine refused it, or failed.
    #[error("cannot load `{path}`, and nothing was changed")]
    Load {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// The engine loaded another image.
    #[error("the engine loaded `{found}` from the archive, expected `{expected}`")]
    OtherImage {
        /// The expected id.
        expected: String,
        /// The id of the loaded image.
        found: String,
    },
    /// The host is shutting down.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    /// The engine could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed, and removing the name again failed too.
    #[error("cannot load the image, and cannot remove `{name}` again ({left})")]
    LeftBehind {
        /// The name that may be left.
        name: String,
        /// Why it could not be removed.
        left: StoreError,
        /// Why the image could not be loaded.
        #[source]
        source: Box<ImportError>,
    },
    /// The archive changed, or could no longer be read, after it was checked.
    #[error("cannot read `{path}` a second time, and nothing was changed")]
    Changed {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The folder of locks cannot be used.
    #[error("cannot lock the environment in `{folder}`")]
    Lock {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The task panicked or was cancelled.
    #[error("cannot finish reading the archive")]
    Ended(#[source] tokio::task::JoinError),
}

impl ImportError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Archive { source, .. } => source.remedy(),
            Self::Load { source, .. } | Self::Store(source) => source.remedy(),
            Self::LeftBehind { source, .. } => source.remedy(),
            _ => None,
        }
    }

    /// Whether the archive is not valid, and nothing was started.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Archive { source, .. } => !matches!(source, ArchiveFault::Unpack { .. }),
            Self::NameTaken { .. } | Self::Changed { .. } => true,
            _ => false,
        }
    }
}
