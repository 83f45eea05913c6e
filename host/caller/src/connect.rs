//! Connects to a resident host, and checks that it is this user's.

use crate::error::CallerError;
use crate::submit::Submitting;
use longshore_protocol::{
    ConnectionError, FromCaller, Hello, Message, ProtocolError, Role, SocketConnection, Software, Submission, ToCaller,
    VersionRange,
};
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection to a host, which has answered.
#[derive(Debug)]
pub struct Caller {
    connection: SocketConnection<ToCaller>,
    software: Software,
    settings: String,
    processes: Option<String>,
}

impl Caller {
    /// Connects to the host that listens on this socket. `software` is the name and version of the calling program.
    ///
    /// # Errors
    /// [`CallerError`]: nobody listens, it is another user's host, or the host refuses.
    pub fn connect(path: &Path, software: Software) -> Result<Self, CallerError> {
        let not_there = |source| CallerError::NotThere { path: path.to_owned(), source };
        let socket = UnixStream::connect(path).map_err(not_there)?;
        let peer = socket_peercred(&socket).map_err(|errno| not_there(errno.into()))?.uid;
        // A host of root's may serve all users of a machine.
        if peer != geteuid() && !peer.is_root() {
            return Err(CallerError::NotOurs { path: path.to_owned(), uid: peer.as_raw() });
        }
        Self::greet(SocketConnection::new(socket), software)
    }

    /// Greets a host over a connection.
    ///
    /// # Errors
    /// [`CallerError`]: the host refuses, or breaks the protocol.
    pub fn greet(mut connection: SocketConnection<ToCaller>, software: Software) -> Result<Self, CallerError> {
        let descriptors = connection.passes_descriptors();
        let hello = Hello { role: Role::Caller, protocol: VersionRange::SUPPORTED, software, descriptors };
        connection.sender.send(&hello)?;
        let expected = "welcome";
        match connection.receiver.receive()?.ok_or(ConnectionError::Closed { expected })?.0 {
            ToCaller::Welcome { descriptors, software, settings, processes, .. } => {
                connection.agree(descriptors).map_err(ConnectionError::from)?;
                Ok(Self { connection, software, settings, processes })
            }
            ToCaller::Refused { reason } => Err(CallerError::Refused { reason }),
            other => {
                let error = ProtocolError::Unexpected { expected, received: other.name() };
                Err(ConnectionError::from(error).into())
            }
        }
    }

    /// The host's name and version.
    #[must_use]
    pub fn software(&self) -> &Software {
        &self.software
    }

    /// A digest of the host's settings.
    #[must_use]
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// The same of its settings for runs without a container; `None` if it makes none.
    #[must_use]
    pub fn processes(&self) -> Option<&str> {
        self.processes.as_deref()
    }

    /// Asks for a run. What it needs is sent next.
    ///
    /// # Errors
    /// [`CallerError`]: the submission is too long for a message, or the connection failed.
    pub fn submit(self, submission: &Submission) -> Result<Submitting, CallerError> {
        let passes_descriptors = self.connection.passes_descriptors();
        let SocketConnection { sender, receiver } = self.connection;
        let mut submitting = Submitting::new(sender, receiver, passes_descriptors);
        submitting.send(&FromCaller::Submit(Box::new(submission.clone())))?;
        Ok(submitting)
    }
}
