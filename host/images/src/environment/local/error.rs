//! Errors of the `process` engine's environments. None of them starts a script.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A block's packages could not be installed. Passwords in URLs are masked.
#[derive(Debug, Error)]
pub enum LocalError {
    /// uv is missing.
    #[error(
        "cannot install the block's Python packages: `{uv}` is missing; install it with \
         `pip install uv`, or name it in the environment variable `LONGSHORE_UV`"
    )]
    NoUv {
        /// The program.
        uv: PathBuf,
    },
    /// An interpreter or installer could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// Its path.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// An interpreter does not report its version.
    #[error("cannot identify `{program}`: {words}")]
    Interpreter {
        /// Its path.
        program: PathBuf,
        /// What it printed.
        words: String,
    },
    /// Python packages cannot be resolved, fetched or built.
    #[error("cannot install the block's packages ({packages}){place}:\n{words}")]
    Python {
        /// The packages that the block names.
        packages: String,
        /// The folder, if its disk is full.
        place: String,
        /// The resolver's message.
        words: String,
    },
    /// R packages are in no repository.
    #[error("{packages} in no repository of R packages ({repositories}): correct the name, or add a repository")]
    Unavailable {
        /// The packages, as a subject with its verb.
        packages: String,
        /// The repositories.
        repositories: String,
    },
    /// No repository of R packages answers.
    #[error("cannot look up the block's packages ({packages}): {repository} does not answer:\n{words}")]
    Unreachable {
        /// The missing packages.
        packages: String,
        /// The repository.
        repository: String,
        /// The end of R's output.
        words: String,
    },
    /// An R package cannot be fetched or built.
    #[error("cannot install the R package `{package}`{place}:\n{words}")]
    R {
        /// The package.
        package: String,
        /// The folder, if its disk is full.
        place: String,
        /// The end of the compiler's output.
        words: String,
    },
    /// The certificates that the settings name cannot be read.
    #[error("cannot read the certificates in `{path}`, which the settings name")]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A folder of environments cannot be written.
    #[error("cannot store environments in `{path}`")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The record of an environment's users cannot be written.
    #[error("cannot record in `{path}` that an environment is in use")]
    UsageStore {
        /// The state folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// An installer's output cannot be read.
    #[error("cannot read the output of `{program}`, or wait for its end")]
    Follow {
        /// Its path.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// An installation took too long.
    #[error(
        "installing the packages took more than {minutes} minutes: name fewer packages, or raise `minutes` in `[build]` of \
         the settings"
    )]
    Deadline {
        /// The limit.
        minutes: u64,
    },
    /// The run was cancelled during the installation.
    #[error("cancelled while its packages were being installed")]
    Cancelled,
}
