//! Errors of environments.

use crate::environment::PullError;
use crate::fingerprint::FingerprintError;
use longshore_block::BlockError;
use longshore_config::CertificateError;
use longshore_engine::StoreError;
use longshore_model::activity::ShuttingDown;
use longshore_model::day::Day;
use longshore_model::reference::ReferenceError;
use longshore_model::remedy::Remedy;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// Where a block lists a package, if that is known.
#[derive(Debug)]
pub struct Place(pub(super) Option<String>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|place| write!(f, "{place}: "))
    }
}

/// An environment is not available.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The base image does not exist.
    #[error("there is no image `{image}`")]
    NoImage {
        /// The image.
        image: String,
    },
    /// An image is not on this machine, and cannot be pulled.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The store of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificates of the settings cannot be used.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// Packages cannot be installed.
    #[error("the {kind} packages {packages} cannot be installed: {words}")]
    Packages {
        /// `Python`, `R` or `Debian`.
        kind: &'static str,
        /// The requested packages, each in backticks.
        packages: String,
        /// The message of the resolver or installer.
        words: String,
    },
    /// Packages do not work with those of the base.
    #[error("cannot install {packages}: {reason}")]
    Conflict {
        /// The requested packages, or their lock.
        packages: String,
        /// The packages of the base, and what they need.
        reason: String,
        /// Whether they are those of a lock that Longshore wrote.
        own_lock: bool,
    },
    /// An environment was built, but its packages cannot be listed.
    #[error("cannot list what was installed")]
    Installed {
        /// The cause.
        #[source]
        source: Box<FingerprintError>,
    },
    /// An environment has too many packages.
    #[error("the environment has {count} packages, and their list exceeds {most} bytes: name fewer packages")]
    TooManyPackages {
        /// Packages that it lists.
        count: usize,
        /// The most bytes of a list.
        most: usize,
    },
    /// A build took too long.
    #[error(
        "the build took more than {minutes} minutes: name fewer packages, or raise `minutes` in `[build]` of the settings"
    )]
    Deadline {
        /// The limit.
        minutes: u64,
    },
    /// The image of a `Dockerfile` cannot be built.
    #[error("cannot build the image of `{file}`{step}:\n{words}")]
    Dockerfile {
        /// The file.
        file: PathBuf,
        /// The failed instruction, if one was begun.
        step: String,
        /// The end of its output, and the builder's message.
        words: String,
    },
    /// An image that a `Dockerfile` is built from has no valid name.
    #[error("`{file}` is built from `{image}`, which is not a valid image name")]
    DockerfileImage {
        /// The file.
        file: PathBuf,
        /// The name.
        image: String,
        /// The cause.
        #[source]
        source: ReferenceError,
    },
    /// An image that a `Dockerfile` is built from has instructions of its own.
    #[error(
        "cannot build the image of `{file}`: `{image}` has instructions for images that are built on it (`ONBUILD`), and these are not run"
    )]
    OnBuild {
        /// The file.
        file: PathBuf,
        /// The image.
        image: String,
    },
    /// The settings do not allow it to be built.
    #[error("cannot build the image of `{file}`: `dockerfiles` in `[build]` of the settings is `false`")]
    DockerfileForbidden {
        /// The file.
        file: PathBuf,
    },
    /// The files of a block cannot be used in the build of its `Dockerfile`.
    #[error(transparent)]
    Block(#[from] Box<BlockError>),
    /// The files of a block could not be read for the build of its `Dockerfile`.
    #[error("cannot collect the files of `{folder}` for its `Dockerfile`")]
    BuildContext {
        /// The block's folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A block does not work with the interpreter of its base.
    #[error("the block needs {wanted}, and the image `{image}` has {found}{others}")]
    OtherVersion {
        /// The versions that it works with.
        wanted: String,
        /// The version of the image.
        found: String,
        /// The base image.
        image: String,
        /// The versions with an image, if it is one of Longshore's.
        others: String,
    },
    /// A package name is not valid.
    #[error("{place}invalid {kind} package name `{name}`: expected {right}")]
    Name {
        /// Where the block lists it.
        place: Place,
        /// `Python`, `R` or `Debian`.
        kind: &'static str,
        /// The invalid name.
        name: String,
        /// The expected form.
        right: &'static str,
    },
    /// A package is not from where packages are installed from.
    #[error("{place}{reason}")]
    Requirement {
        /// Where the block lists it.
        place: Place,
        /// The requirement, and what is wrong with it.
        reason: String,
    },
    /// The API cannot be installed in an image.
    #[error("cannot install the API in `{image}`: {reason}")]
    Api {
        /// The base image.
        image: String,
        /// The state of the image, and the requirement.
        reason: String,
    },
    /// A file for images cannot be read.
    #[error("cannot read `{path}`, which is copied into images")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The SDK is missing.
    #[error("cannot find the SDK for images in `{folder}`")]
    Sdk {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A lock is not valid.
    #[error("the lock `{path}` cannot be used: {reason}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A lock is of other packages than those of its block.
    #[error("the lock `{path}` cannot be used: it was made for the {what} {locked}, and the block names {asked}")]
    LockStale {
        /// The file.
        path: PathBuf,
        /// `packages` or `Debian packages`.
        what: &'static str,
        /// The packages of the lock.
        locked: String,
        /// The packages of the block.
        asked: String,
    },
    /// A lock does not keep the bounds of a block, its caller or the settings.
    #[error("the lock `{path}` cannot be used: {reason}")]
    LockBounds {
        /// The file.
        path: PathBuf,
        /// The bound, and what the lock has.
        reason: String,
    },
    /// A lock cannot be written for other tools.
    #[error("cannot write the lock as `{path}`: {reason}")]
    Pylock {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A lock is not written for other tools at this path.
    #[error("cannot write the lock as `{path}`: {reason}")]
    PylockPath {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The day of a script's last change cannot be determined.
    #[error("cannot determine the day of the last change of `{path}`")]
    LastChange {
        /// The script.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// There is no repository of R packages with the state of a day.
    #[error(
        "cannot install R packages as of {day}: no repository of that day is known; name one as `snapshot` in `[r]` of the settings"
    )]
    NoSnapshot {
        /// The day.
        day: Day,
    },
    /// A block in R has constraints.
    #[error("constraints are for Python packages, and the block is in R")]
    ConstraintsOfR,
    /// The usage store failed.
    #[error("cannot update the image usage records in `{folder}`")]
    UsageStore {
        /// Its folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The program that installs packages could not be downloaded.
    #[error("cannot get `uv`, which installs Python packages: {words}")]
    Tools {
        /// The message of pip.
        words: String,
    },
    /// The host is shutting down.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
    /// The request was cancelled.
    #[error("cancelled while its environment was being built")]
    Cancelled,
}

impl EnvironmentError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::NoImage { .. } => Some(Remedy::BuildImages),
            Self::OtherVersion { .. } => Some(Remedy::NameImage),
            Self::Pull(error) => error.remedy(),
            Self::Store(error) => error.remedy(),
            Self::Certificates(error) => error.remedy(),
            Self::Installed { source } => source.remedy(),
            Self::Sdk { .. } => Some(Remedy::BuildSdk),
            Self::LockStale { .. } | Self::LockBounds { .. } | Self::Conflict { own_lock: true, .. } => {
                Some(Remedy::WriteLock)
            }
            Self::Conflict { own_lock: false, .. } => Some(Remedy::FitBase),
            _ => None,
        }
    }

    /// Whether the block is wrong, and nothing was started.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Name { .. }
                | Self::Requirement { .. }
                | Self::Lock { .. }
                | Self::LockStale { .. }
                | Self::LockBounds { .. }
                | Self::NoSnapshot { .. }
                | Self::ConstraintsOfR
                | Self::PylockPath { .. }
                | Self::Block(_)
                | Self::DockerfileImage { .. }
                | Self::DockerfileForbidden { .. }
                | Self::Pull(PullError::Reference { .. })
        )
    }
}
