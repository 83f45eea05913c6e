//! What can go wrong with credentials. None of it holds a secret.

use std::path::PathBuf;
use thiserror::Error;

/// Credentials for a registry cannot be had.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// The Docker configuration cannot be read.
    #[error("cannot read the Docker configuration `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The Docker configuration is not what it should be.
    #[error(
        "the Docker configuration `{path}` is not valid at line {line}, column {column}: `docker login` rewrites it"
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where, from 1. The words of the error would show what stands there.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// An entry of the Docker configuration is not what it should be.
    #[error("the Docker configuration `{path}` has an invalid entry for `{server}`: `docker login` rewrites it")]
    Entry {
        /// The file.
        path: PathBuf,
        /// The registry.
        server: String,
    },
    /// The name of a helper is no name.
    #[error("`{name}` is not a valid name of a credential helper: give the part after `docker-credential-`")]
    HelperName {
        /// The name.
        name: String,
    },
    /// A helper cannot be started.
    #[error(
        "cannot start the credential helper `{helper}`, which the Docker configuration names: install it, or remove \
         `credsStore` or `credHelpers` from the configuration"
    )]
    HelperStart {
        /// The program.
        helper: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A helper failed.
    #[error("the credential helper `{helper}` failed for `{server}`: {reason}")]
    HelperFailed {
        /// The program.
        helper: String,
        /// The registry.
        server: String,
        /// What it said, and how it ended.
        reason: String,
    },
    /// A helper answered something else than credentials.
    #[error("the credential helper `{helper}` returned unreadable credentials for `{server}`")]
    HelperAnswer {
        /// The program.
        helper: String,
        /// The registry.
        server: String,
    },
    /// A helper did not end.
    #[error("the credential helper `{helper}` did not answer within {seconds} s for `{server}`")]
    HelperSlow {
        /// The program.
        helper: String,
        /// The registry.
        server: String,
        /// How long it had.
        seconds: u64,
    },
}
