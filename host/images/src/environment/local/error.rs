//! Errors of the `process` engine's environments. None of them starts a script.

use crate::environment::EnvironmentError;
use longshore_block::Language;
use longshore_model::remedy::Remedy;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A block's packages could not be installed. Passwords in URLs are masked.
#[derive(Debug, Error)]
pub enum LocalError {
    /// uv is missing.
    #[error("cannot install the block's Python packages: `{uv}` is missing")]
    NoUv {
        /// The program.
        uv: PathBuf,
    },
    /// uv is missing, and cannot be installed.
    #[error("cannot install `uv`, which installs Python packages, on a machine without it:\n{words}")]
    UvNotInstalled {
        /// The end of the installer's output.
        words: String,
    },
    /// The block's base is an image.
    #[error(
        "cannot use the `Dockerfile` of `{folder}` on the `process` engine, which has no images: use an engine with containers"
    )]
    Dockerfile {
        /// The block's folder.
        folder: PathBuf,
    },
    /// The machine has no interpreter of the language.
    #[error("cannot run scripts in {language}: there is no `{program}`")]
    NoInterpreter {
        /// The program, as the settings name it.
        program: PathBuf,
        /// The language.
        language: Language,
    },
    /// The interpreter is older than the packages need.
    #[error("cannot create the Python environment: `{program}` is {version}, and its packages need {needed} or newer")]
    OldPython {
        /// Its path.
        program: PathBuf,
        /// Its version.
        version: String,
        /// The oldest that has them.
        needed: String,
    },
    /// The interpreter has no SDK, and the SDK's packages are missing.
    #[error("cannot read the SDKs in `{folder}`, and the interpreter has none")]
    Sdk {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The bounds of the packages cannot be kept.
    #[error(transparent)]
    Bounds(#[from] Box<EnvironmentError>),
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
    /// A block does not work with the interpreter of this machine.
    #[error("the block needs {wanted}, and `{program}` is {found}")]
    OtherVersion {
        /// The versions that it works with.
        wanted: String,
        /// The version of the interpreter.
        found: String,
        /// Its path.
        program: PathBuf,
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
    /// Packages do not work with those of the interpreter.
    #[error("cannot install the Python packages {packages}: {reason}")]
    Conflict {
        /// The packages that the block names.
        packages: String,
        /// The packages of the interpreter, and what they need.
        reason: String,
    },
    /// R packages are in no repository.
    #[error("{packages} in no repository of R packages ({repositories}): correct the name, or add a repository")]
    Unavailable {
        /// The packages, as a subject with its verb.
        packages: String,
        /// The repositories.
        repositories: String,
    },
    /// No version of an R package fits.
    #[error("cannot install R packages: {reasons}: ask for a version that there is, or add a repository that has it")]
    NoVersion {
        /// A reason for each package.
        reasons: String,
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

impl LocalError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Sdk { .. } => Some(Remedy::BuildSdk),
            Self::OldPython { .. } | Self::NoInterpreter { language: Language::Python, .. } => {
                Some(Remedy::InstallPython)
            }
            Self::NoInterpreter { language: Language::R, .. } => Some(Remedy::InstallR),
            Self::Conflict { .. } => Some(Remedy::FitBase),
            Self::NoUv { .. } | Self::UvNotInstalled { .. } => Some(Remedy::InstallUv),
            _ => None,
        }
    }
}
