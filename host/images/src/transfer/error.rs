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
    #[error("the archive cannot be `{path}`: {reason}")]
    NoPlace {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The archive cannot be written there.
    #[error("the archive `{path}` cannot be written")]
    Write {
        /// Where it was to be.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is no room for what the engine sends.
    #[error("what the engine sends cannot be kept in `{folder}`")]
    Keep {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The engine sent something that is no image.
    #[error("what the engine sent of `{image}` is no whole image")]
    Sent {
        /// The image.
        image: String,
        /// The cause.
        #[source]
        source: ArchiveFault,
    },
    /// The work ended by itself.
    #[error("writing the archive was given up")]
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
    #[error("`{path}` is not taken in, and nothing was changed")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: ArchiveFault,
    },
    /// The name that it would get is another image's.
    #[error(
        "`{path}` is not taken in: `{name}` is another image, `{there}`: remove it first if this one is to have its \
         place (`docker rmi {name}`)"
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
    #[error("`{path}` could not be loaded, and nothing was changed")]
    Load {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// The engine made something else of it.
    #[error("the engine made `{found}` of the archive, and should have made `{expected}`")]
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
    #[error("the image could not be loaded, and `{name}` could not be removed again ({left})")]
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
    #[error("`{path}` could not be read a second time, and nothing was changed")]
    Changed {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The folder of locks cannot be used.
    #[error("the environment's lock cannot be taken in `{folder}`")]
    Lock {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The work ended by itself.
    #[error("reading the archive was given up")]
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
