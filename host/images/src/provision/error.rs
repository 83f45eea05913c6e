//! Why base images were not provided. The engine has none of them more than before.

use crate::environment::PullError;
use crate::transfer::ImportError;
use longshore_archive::fault::ArchiveFault;
use longshore_engine::StoreError;
use longshore_model::activity::ShuttingDown;
use longshore_model::reference::ReferenceError;
use longshore_model::remedy::Remedy;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Base images were not provided.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvideError {
    /// The registry has no valid name.
    #[error("`{registry}` is not a valid registry, with the folder of the images if they are in one")]
    Registry {
        /// The given name.
        registry: String,
        /// The cause.
        #[source]
        source: ReferenceError,
    },
    /// The registry is the one that names without a registry are of.
    #[error("`{registry}` has no images of Longshore: name a registry of your own, and the folder of the images in it")]
    Hub {
        /// The given name.
        registry: String,
    },
    /// The registry did not send an image.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The archive is damaged, hostile, not for this machine, or lacks an image.
    #[error("`{path}` was rejected; nothing was changed")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// The cause.
        #[source]
        source: ArchiveFault,
    },
    /// An image is not a base image of this version.
    #[error("cannot use `{image}` as `{name}`: {unfit}; nothing was changed")]
    Unfit {
        /// Where it is from.
        image: String,
        /// The name that it should have.
        name: String,
        /// What is wrong with it.
        unfit: Unfit,
    },
    /// Another image has the name.
    #[error("`{name}` is an image that is not of Longshore: give it another name, or remove it (`docker rmi {name}`)")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The engine did not load an image.
    #[error(transparent)]
    Load(#[from] ImportError),
    /// The host is shutting down.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    /// The caller cancelled it.
    #[error("interrupted")]
    Cancelled,
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of locks cannot be used.
    #[error("cannot lock the base images in `{folder}`")]
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

/// What is wrong with the labels of an image that should be a base image.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// It is not a base image.
    #[error("its labels are not those of a base image of Longshore")]
    NotBase,
    /// It is of another version of Longshore.
    #[error("it has the agent of version `{found}` instead of {expected}")]
    Version {
        /// Its version.
        found: String,
        /// The version of this host.
        expected: &'static str,
    },
    /// It has no users for scripts.
    #[error("it has no label with the users of its scripts")]
    NoUsers,
    /// It is for another language.
    #[error("it is for scripts in `{found}`")]
    Language {
        /// Its language.
        found: String,
    },
}

impl ProvideError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Pull(error) => error.remedy(),
            Self::Load(error) => error.remedy(),
            Self::Store(error) => error.remedy(),
            _ => None,
        }
    }

    /// Whether the request or the given images are wrong, and nothing was changed.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Archive { source, .. } => !matches!(source, ArchiveFault::Unpack { .. }),
            Self::Registry { .. } | Self::Hub { .. } | Self::Unfit { .. } | Self::NameTaken { .. } => true,
            Self::Load(error) => error.is_input(),
            _ => false,
        }
    }
}
