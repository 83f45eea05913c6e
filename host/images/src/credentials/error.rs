//! Errors of credentials. None of them contains a secret.

use std::path::PathBuf;
use thiserror::Error;

/// The credentials for a registry are not available.
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
    /// The Docker configuration is not valid.
    #[error(
        "the Docker configuration `{path}` is not valid at line {line}, column {column}: `docker login` rewrites it"
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, from 1. The parser's message is omitted, since it would quote the text there.
        line: usize,
        /// The column.
        column: usize,
    },
    /// An entry of the Docker configuration is not valid.
    #[error("the Docker configuration `{path}` has an invalid entry for `{server}`: `docker login` rewrites it")]
    Entry {
        /// The file.
        path: PathBuf,
        /// The registry.
        server: String,
    },
    /// The name of a helper is not valid.
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
        /// Its message, and its exit status.
        reason: String,
    },
    /// A helper's answer is not valid.
    #[error("the credential helper `{helper}` returned unreadable credentials for `{server}`")]
    HelperAnswer {
        /// The program.
        helper: String,
        /// The registry.
        server: String,
    },
    /// A helper did not end in time.
    #[error("the credential helper `{helper}` did not answer within {seconds} s for `{server}`")]
    HelperSlow {
        /// The program.
        helper: String,
        /// The registry.
        server: String,
        /// The deadline.
        seconds: u64,
    },
}
