//! Waits for a host while its run has not begun. Owns how long each may last, the question whether the caller still
//! waits, and what is known of a host that does not answer.

use crate::error::CallerError;
use crate::process::Process;
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

#[cfg(test)]
mod tests {
    use super::*;

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
