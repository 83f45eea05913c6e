//! Connects to a resident host, and checks that it is this user's.

use crate::error::CallerError;
use crate::outgoing::has_closed;
use crate::patience::{Patience, TURN};
use crate::process::listening;
use crate::submit::Submitting;
use longshore_protocol::{
    CHAINS, ConnectionError, FromCaller, Hello, Message, ProtocolError, Role, SocketConnection, Software, Submission,
    SubmittedChain, ToCaller, VersionRange,
};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::geteuid;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection to a host, which has answered.
#[derive(Debug)]
pub struct Caller {
    connection: SocketConnection<ToCaller>,
    software: Software,
    settings: String,
    processes: Option<String>,
    capabilities: Vec<String>,
    patience: Patience,
}

impl Caller {
    /// Connects to the host that listens on this socket. `software` is the name and version of the calling program.
    ///
    /// # Errors
    /// [`CallerError`]: nobody listens, it is another user's host, or the host refuses or does not answer.
    pub fn connect(path: &Path, software: Software) -> Result<Self, CallerError> {
        Self::connect_unless(path, software, || false)
    }

    /// The same, for a caller whose user may interrupt it: `stopped`, which is asked ten times a second, ends the waits
    /// before the run is started.
    ///
    /// # Errors
    /// As [`Caller::connect`], and [`CallerError::Stopped`].
    pub fn connect_unless(
        path: &Path,
        software: Software,
        stopped: impl FnMut() -> bool + Send + 'static,
    ) -> Result<Self, CallerError> {
        let mut patience = Patience::new(stopped);
        let not_there = |errno: Errno| CallerError::NotThere { path: path.to_owned(), source: errno.into() };
        let socket = patience.until(|| match attempt(path) {
            Ok(socket) => Ok(Some(socket)),
            // Too many others wait to be accepted.
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(not_there(errno)),
        })?;
        let peer =
            getsockopt(&socket, PeerCredentials).map_err(|errno| not_there(Errno::from_raw_os_error(errno as i32)))?;
        // A host of root's may serve all users of a machine.
        if peer.uid() != geteuid().as_raw() && peer.uid() != 0 {
            return Err(CallerError::NotOurs { path: path.to_owned(), uid: peer.uid() });
        }
        patience.host = listening(peer.pid());
        Self::open(SocketConnection::new(UnixStream::from(socket)), software, patience)
    }

    /// Greets a host over a connection.
    ///
    /// # Errors
    /// [`CallerError`]: the host refuses or does not answer, or breaks the protocol.
    pub fn greet(connection: SocketConnection<ToCaller>, software: Software) -> Result<Self, CallerError> {
        Self::open(connection, software, Patience::new(|| false))
    }

    fn open(
        mut connection: SocketConnection<ToCaller>,
        software: Software,
        mut patience: Patience,
    ) -> Result<Self, CallerError> {
        let unusable = |errno: Errno| ConnectionError::Io { doing: "opening", source: errno.into() };
        ioctl_fionbio(&connection.receiver, true).map_err(unusable)?;
        let descriptors = connection.passes_descriptors();
        let hello = Hello {
            role: Role::Caller,
            protocol: VersionRange::SUPPORTED,
            software,
            descriptors,
            capabilities: Vec::new(),
        };
        // A new connection has room for it. A host that has closed it already has said why.
        connection.sender.send(&hello).or_else(|error| if has_closed(&error) { Ok(()) } else { Err(error) })?;
        let expected = "welcome";
        let (answer, _) = patience.receive(&mut connection.receiver)?.ok_or(ConnectionError::Closed { expected })?;
        match answer {
            ToCaller::Welcome { descriptors, software, settings, processes, capabilities, .. } => {
                connection.agree(descriptors).map_err(ConnectionError::from)?;
                Ok(Self { connection, software, settings, processes, capabilities, patience })
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
        self.begin(&FromCaller::Submit(Box::new(submission.clone())))
    }

    /// Whether the host runs chains.
    #[must_use]
    pub fn runs_chains(&self) -> bool {
        self.capabilities.iter().any(|capability| capability == CHAINS)
    }

    /// Asks for a chain. What its steps need is sent next, each after [`Submitting::of_step`].
    ///
    /// # Errors
    /// [`CallerError::NoChains`], and as [`Caller::submit`].
    pub fn submit_chain(self, chain: &SubmittedChain) -> Result<Submitting, CallerError> {
        if !self.runs_chains() {
            return Err(CallerError::NoChains { host: self.software.to_string() });
        }
        self.begin(&FromCaller::Chain(chain.clone()))
    }

    fn begin(self, first: &FromCaller) -> Result<Submitting, CallerError> {
        let passes_descriptors = self.connection.passes_descriptors();
        let SocketConnection { sender, receiver } = self.connection;
        let mut submitting = Submitting::new(sender, receiver, passes_descriptors, self.patience);
        submitting.send(first)?;
        Ok(submitting)
    }
}

/// Whether a process listens on this socket, also one that hangs.
#[must_use]
pub fn is_served(path: &Path) -> bool {
    matches!(attempt(path), Ok(_) | Err(Errno::AGAIN))
}

/// Connects, and waits for a [`TURN`] at most where too many others wait to be accepted.
fn attempt(path: &Path) -> Result<OwnedFd, Errno> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(TURN))?;
    connect(&socket, &address)?;
    Ok(socket)
}
