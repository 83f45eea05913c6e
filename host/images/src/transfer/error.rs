//! What can go wrong when images are written into archives and taken in from them.

use crate::find::FindError;
use longshore_archive::fault::ArchiveFault;
use longshore_engine::StoreError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// An image was not written into an archive. A file that was there is as it was.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The image is not to be had.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There can be no file at the place that was given.
    #[error("cannot write the archive to `{path}`: {reason}")]
    NoPlace {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The archive cannot be written there.
    #[error("cannot write the archive `{path}`")]
    Write {
        /// Where it was to be.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is no room for what the engine sends.
    #[error("cannot store the data from the engine in `{folder}`")]
    Keep {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The engine sent something that is no image.
    #[error("the engine sent no valid image for `{image}`")]
    Sent {
        /// The image.
        image: String,
        /// The cause.
        #[source]
        source: ArchiveFault,
    },
    /// The work ended by itself.
    #[error("cannot finish writing the archive")]
    Ended(#[source] tokio::task::JoinError),
}

impl ExportError {
    /// Whether the caller asked for something wrong, and nothing was started.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::NoPlace { .. } | Self::Find(FindError::NotFound { .. } | FindError::Ambiguous { .. }))
    }
}

/// An image was not taken in. The engine's images are as they were.
#[derive(Debug, Error)]
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
    /// The name that it would get is another image's.
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
    /// The engine made something else of it.
    #[error("the engine loaded `{found}` from the archive, expected `{expected}`")]
    OtherImage {
        /// The id that was to be.
        expected: String,
        /// What the name stands for.
        found: String,
    },
    /// The engine could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed, and so did putting things back.
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
    /// The work ended by itself.
    #[error("cannot finish reading the archive")]
    Ended(#[source] tokio::task::JoinError),
}

impl ImportError {
    /// Whether the archive is at fault, and nothing was started.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Archive { source, .. } => !matches!(source, ArchiveFault::Unpack { .. }),
            Self::NameTaken { .. } | Self::Changed { .. } => true,
            _ => false,
        }
    }
}
