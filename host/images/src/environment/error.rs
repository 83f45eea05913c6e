//! What can go wrong with environments.

use crate::environment::PullError;
use crate::fingerprint::FingerprintError;
use longshore_config::CertificateError;
use longshore_engine::StoreError;
use std::path::PathBuf;
use thiserror::Error;

/// An environment could not be had.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The base image is not there.
    #[error("there is no image `{image}`: build it with `make images`, or name another with `--image`")]
    NoImage {
        /// The image.
        image: String,
    },
    /// An image is not on this machine, and cannot be brought.
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
        /// Those that were asked for, each in backticks.
        packages: String,
        /// What the resolver or installer said.
        words: String,
    },
    /// An environment was made, and does not say what is in it.
    #[error("cannot list what was installed")]
    Installed {
        /// The cause.
        #[source]
        source: Box<FingerprintError>,
    },
    /// An environment says that it has more than environments have.
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
    /// Something that is no name of a package.
    #[error("invalid {kind} package name `{name}`: expected {right}")]
    Name {
        /// `Python`, `R` or `Debian`.
        kind: &'static str,
        /// What is named.
        name: String,
        /// What would be right.
        right: &'static str,
    },
    /// An image cannot take the API.
    #[error("cannot install the API in `{image}`: {reason}")]
    Api {
        /// The base image.
        image: String,
        /// What was found, and what is needed.
        reason: String,
    },
    /// A file that goes into images cannot be read.
    #[error("cannot read `{path}`, which is copied into images")]
    File {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The SDK is not there.
    #[error(
        "the SDK for images is not in `{folder}`: build it with `make build`, or name its folder in the \
         environment variable `LONGSHORE_SDK_FOLDER`"
    )]
    Sdk {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A lock is wrong.
    #[error("the lock `{path}` cannot be used: {reason}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The ledger failed.
    #[error("cannot update the image usage records in `{folder}`")]
    UsageStore {
        /// Its folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The program that installs packages could not be had.
    #[error("cannot get `uv`, which installs Python packages: {words}")]
    Tools {
        /// What pip said.
        words: String,
    },
    /// Somebody did not want to wait for it.
    #[error("cancelled while its environment was being built")]
    Cancelled,
}

impl EnvironmentError {
    /// Whether the block is what is wrong, and nothing was started.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::Lock { .. } | Self::Pull(PullError::Reference { .. }))
    }
}
