//! What can go wrong with fingerprints.

use longshore_engine::StoreError;
use std::io;
use thiserror::Error;

/// A fingerprint cannot be taken.
#[derive(Debug, Error)]
pub enum FingerprintError {
    /// The engine of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing can be run in the image.
    #[error(
        "the image `{image}` cannot say what is in it, since it has no `/bin/sh`: a fingerprint needs `sh`, `cat` and \
         `env`"
    )]
    NoShell {
        /// The image.
        image: String,
        /// What the engine says.
        #[source]
        source: StoreError,
    },
    /// `sh` cannot be started on this machine.
    #[error("cannot start `sh` to look at this machine")]
    Start {
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It takes too long.
    #[error("{place} did not say within {seconds} s what is installed")]
    TooSlow {
        /// Where it was asked.
        place: String,
        /// The limit.
        seconds: u64,
    },
    /// It says too much.
    #[error("{place} says more of what is installed than the {most} bytes that are read")]
    TooMuch {
        /// Where it was asked.
        place: String,
        /// The limit.
        most: usize,
    },
    /// A program that knows what is installed fails.
    #[error("{place} cannot say what is installed: `{program}` failed there: {said}")]
    Program {
        /// Where it was asked.
        place: String,
        /// The program.
        program: String,
        /// The end of what it printed.
        said: String,
    },
    /// It ended half way.
    #[error("{place} did not come to the end of saying what is installed: {said}")]
    Ended {
        /// Where it was asked.
        place: String,
        /// The end of what was printed.
        said: String,
    },
    /// What it says makes no sense.
    #[error("{place} says something of what is installed that is no line of a fingerprint: `{line}`")]
    Line {
        /// Where it was asked.
        place: String,
        /// The beginning of the line, without what is not printable.
        line: String,
    },
}
