//! What can go wrong with fingerprints.

use crate::environment::EnvironmentError;
use longshore_block::BlockError;
use longshore_engine::EngineError;
use longshore_engine::StoreError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A fingerprint cannot be taken.
#[derive(Debug, Error)]
pub enum FingerprintError {
    /// The name means nothing.
    #[error(
        "`{subject}` is neither a path (a block's folder, a script, a fingerprint saved as .json) nor an image of the \
         engine's: `docker images` lists those"
    )]
    Nothing {
        /// What was asked for.
        subject: String,
    },
    /// The image of a block is not there.
    #[error("the image `{image}` of the block `{block}` does not exist: `longshore images build` or a run makes it")]
    NoImage {
        /// The block.
        block: String,
        /// Its image.
        image: String,
    },
    /// A path is there, but no block.
    #[error("`{subject}` is a path here, and no block; if an image of that name is meant, give its tag or id")]
    Block {
        /// The path.
        subject: String,
        /// The cause.
        #[source]
        source: BlockError,
    },
    /// An image was asked for without an engine.
    #[error("`{subject}` is no block, and the engine `process` has no images: give a block, or take `--engine docker`")]
    NoImages {
        /// What was asked for.
        subject: String,
    },
    /// A saved fingerprint cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file is no saved fingerprint.
    #[error("`{path}` holds no fingerprint: {reason}; `longshore fingerprint IMAGE --json` prints one")]
    Saved {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine of images failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be said which image a block has.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
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

impl FingerprintError {
    /// Whether what was asked for is wrong, so that nothing was started.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Nothing { .. }
                | Self::NoImage { .. }
                | Self::Block { .. }
                | Self::NoImages { .. }
                | Self::Read { .. }
                | Self::Saved { .. }
        )
    }
}
