//! Errors of starting a server.

use std::path::PathBuf;
use thiserror::Error;

/// A server cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Another one listens there.
    #[error("a server listens on `{}` already", path.display())]
    Running {
        /// The socket.
        path: PathBuf,
    },
    /// The socket's folder is another user's, or others may write to it.
    #[error("the folder `{}` cannot have the server's socket: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The socket cannot be made.
    #[error("cannot listen on `{}`", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The address for HTTP cannot be listened on.
    #[error("cannot listen on `{address}`")]
    ListenHttp {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The history keeps no runs, so that nobody could ask for one again.
    #[error("HTTP needs the run history, and the setting `runs.keep` is 0")]
    NoHistory,
}
