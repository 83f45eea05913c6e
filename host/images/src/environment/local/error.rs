//! What can go wrong with the environments of the `process` engine. None of it starts a script.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A block's packages could not be put beside its script. Passwords in addresses are masked.
#[derive(Debug, Error)]
pub enum LocalError {
    /// uv is not there.
    #[error(
        "cannot install the block's Python packages: `{uv}` is missing; install it with \
         `pip install uv`, or name it in the environment variable `LONGSHORE_UV`"
    )]
    NoUv {
        /// What was called.
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
    /// An interpreter did not say what it is.
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
        /// What the block names.
        packages: String,
        /// Where, if the disk is full.
        place: String,
        /// The resolver's words.
        words: String,
    },
    /// R packages are in no repository.
    #[error("{packages} in no repository of R packages ({repositories}): correct the name, or add a repository")]
    Unavailable {
        /// Which, as a subject with its verb.
        packages: String,
        /// Where they were looked for.
        repositories: String,
    },
    /// No repository of R packages answers.
    #[error("cannot look up the block's packages ({packages}): {repository} does not answer:\n{words}")]
    Unreachable {
        /// What is missing.
        packages: String,
        /// The repository.
        repository: String,
        /// R's last words.
        words: String,
    },
    /// An R package cannot be fetched or built.
    #[error("cannot install the R package `{package}`{place}:\n{words}")]
    R {
        /// Which.
        package: String,
        /// Where, if the disk is full.
        place: String,
        /// The compiler's last words.
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
        /// The folder of what is known of environments.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// What an installer prints cannot be read.
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
    /// The run was cancelled meanwhile.
    #[error("cancelled while its packages were being installed")]
    Cancelled,
}
