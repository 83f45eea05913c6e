//! Waits for a host while its run has not begun. Owns how long each may last, the question whether the caller still
//! waits, and what is known of a host that does not answer.

use crate::error::CallerError;
use longshore_protocol::{ConnectionError, Message, Payload, Receiver};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long a host may take to accept a connection, to answer, or to read on. It does each in less than a millisecond,
/// and within a second on a machine with twenty programs for each processor.
const ANSWER: Duration = Duration::from_secs(5);

/// How often a wait is interrupted to ask whether the caller still waits: as often as a person notices.
pub(crate) const TURN: Duration = Duration::from_millis(100);

/// What a caller does when a host does not answer.
pub(crate) struct Patience {
    stopped: Box<dyn FnMut() -> bool + Send>,
    /// The process that listens, if it is known.
    pub(crate) host: Option<u32>,
}

impl Patience {
    /// Waits end early once `stopped` returns true.
    pub(crate) fn new(stopped: impl FnMut() -> bool + Send + 'static) -> Self {
        Self { stopped: Box::new(stopped), host: None }
    }

    /// Calls `attempt` until it returns a value. It must wait for a [`TURN`] at most.
    pub(crate) fn until<T>(
        &mut self,
        mut attempt: impl FnMut() -> Result<Option<T>, CallerError>,
    ) -> Result<T, CallerError> {
        let deadline = Instant::now() + ANSWER;
        loop {
            if let Some(value) = attempt()? {
                return Ok(value);
            }
            if (self.stopped)() {
                return Err(CallerError::Stopped);
            }
            if Instant::now() >= deadline {
                return Err(CallerError::Hanging { seconds: ANSWER.as_secs(), process: self.host.map(Process::of) });
            }
        }
    }

    /// The host's next message; `None` if it has closed the connection.
    pub(crate) fn receive<M: Message>(
        &mut self,
        receiver: &mut Receiver<M>,
    ) -> Result<Option<(M, Payload)>, CallerError> {
        self.until(|| match receiver.receive() {
            Err(error) if would_block(&error) => is_ready(&*receiver, PollFlags::IN, Some(TURN)).map(|_| None),
            received => Ok(Some(received?)),
        })
    }
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Whether a socket has nothing to read, or no room to write.
pub(crate) fn would_block(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::Io { source, .. } if source.kind() == ErrorKind::WouldBlock)
}

/// Waits until a socket can be read or written, for this long at most.
pub(crate) fn is_ready(socket: impl AsFd, ready: PollFlags, time: Option<Duration>) -> Result<bool, CallerError> {
    let failed = |source| ConnectionError::Io { doing: "reading from", source };
    let timeout = time.map(Timespec::try_from).transpose();
    let timeout = timeout.map_err(|error| failed(std::io::Error::other(error)))?;
    match poll(&mut [PollFd::new(&socket, ready)], timeout.as_ref()) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(failed(errno.into()).into()),
    }
}

/// A process that listens on a host's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Whether a signal has stopped it.
    pub is_stopped: bool,
}

impl Process {
    fn of(id: u32) -> Self {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // Its name, which may contain anything, is in parentheses before the state.
        let state = state.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        Self { id, is_stopped: matches!(state, Some('T' | 't')) }
    }
}

/// The process that made a connection's other end, unless it is the machine's manager of services, which listens for
/// hosts that are not yet started.
pub(crate) fn listening(id: u32) -> Option<u32> {
    let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    (name.trim_end() != "systemd").then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_stopped_is_told_apart() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(Process::of(child.id()), Process { id: child.id(), is_stopped: false });
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let deadline = Instant::now() + ANSWER;
        while !Process::of(child.id()).is_stopped {
            assert!(Instant::now() < deadline);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!Process::of(child.id()).is_stopped && listening(child.id()) == Some(child.id()));
    }

    #[test]
    fn a_wait_ends_with_its_caller() {
        let mut turns = 0;
        let mut patience = Patience::new(move || {
            turns += 1;
            turns == 3
        });
        assert!(matches!(patience.until(|| Ok(None::<()>)), Err(CallerError::Stopped)));
    }
}
