//! Errors of fingerprints.

use longshore_engine::StoreError;
use longshore_model::remedy::Remedy;
use std::io;
use thiserror::Error;

/// A fingerprint cannot be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// The engine of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No program can be run in the image.
    #[error(
        "cannot list the contents of the image `{image}`: it has no `/bin/sh`; a fingerprint needs `sh`, `cat` and \
         `env`"
    )]
    NoShell {
        /// The image.
        image: String,
        /// The engine's error.
        #[source]
        source: StoreError,
    },
    /// `sh` cannot be started on this machine.
    #[error("cannot start `sh` to take a fingerprint of this machine")]
    Start {
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The listing takes too long.
    #[error("the package listing of {place} took more than {seconds} s")]
    TooSlow {
        /// The image or machine.
        place: String,
        /// The limit.
        seconds: u64,
    },
    /// The listing is too long.
    #[error("the package listing of {place} exceeds {most} bytes")]
    TooMuch {
        /// The image or machine.
        place: String,
        /// The limit.
        most: usize,
    },
    /// A program that lists packages fails.
    #[error("cannot list the packages of {place}: `{program}` failed: {said}")]
    Program {
        /// The image or machine.
        place: String,
        /// The program.
        program: String,
        /// The end of what it printed.
        said: String,
    },
    /// The listing ended early.
    #[error("the package listing of {place} ended early: {said}")]
    Ended {
        /// The image or machine.
        place: String,
        /// The end of what was printed.
        said: String,
    },
    /// A line of the listing is not valid.
    #[error("the package listing of {place} has an invalid line: `{line}`")]
    Line {
        /// The image or machine.
        place: String,
        /// The beginning of the line, without unprintable characters.
        line: String,
    },
}

impl FingerprintError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Store(error) | Self::NoShell { source: error, .. } => error.remedy(),
            _ => None,
        }
    }
}
