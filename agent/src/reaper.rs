//! The only owner of `waitpid`: a thread that reaps every child that ends, the script and orphans alike, and reports
//! it to the session through a pipe. It ends when no child is left, and then no process of the script is left either.

use crate::error::AgentError;
use longshore_protocol::ExitStatus;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, WaitStatus, wait};
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes of a message through the pipe: process id, kind and value. Writes this short are atomic.
const MESSAGE_BYTES: usize = 6;

/// An event of the reaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaped {
    /// A child ended.
    Child(i32, ExitStatus),
    /// No child is left.
    NoneLeft,
}

/// The session's end of the reaper.
#[derive(Debug)]
pub(crate) struct Reaper {
    pipe: OwnedFd,
}

impl Reaper {
    /// Starts to reap. The agent must have a child already.
    pub(crate) fn start() -> Result<Self, AgentError> {
        let (pipe, write) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| AgentError::system("pipe2")(e.into()))?;
        std::thread::Builder::new()
            .name("reaper".into())
            .stack_size(64 << 10)
            .spawn(move || reap(&write))
            .map_err(AgentError::system("clone"))?;
        Ok(Self { pipe })
    }

    /// The next event; waits for it.
    pub(crate) fn next(&self) -> Result<Reaped, AgentError> {
        let mut message = [0; MESSAGE_BYTES];
        let read = loop {
            match rustix::io::read(&self.pipe, &mut message) {
                Err(Errno::INTR) => {}
                read => break read.map_err(|errno| AgentError::system("read")(errno.into()))?,
            }
        };
        if read < MESSAGE_BYTES {
            return Ok(Reaped::NoneLeft);
        }
        let pid = i32::from_le_bytes([message[0], message[1], message[2], message[3]]);
        let status = if message[4] == 0 { ExitStatus::Code(message[5]) } else { ExitStatus::Signal(message[5]) };
        Ok(Reaped::Child(pid, status))
    }
}

impl AsFd for Reaper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

fn reap(pipe: &OwnedFd) {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let Some((kind, value)) = ended(status) else { continue };
                let mut message = [0; MESSAGE_BYTES];
                message[..4].copy_from_slice(&pid.as_raw_nonzero().get().to_le_bytes());
                message[4..].copy_from_slice(&[kind, value]);
                if rustix::io::write(pipe, &message).is_err() {
                    return;
                }
            }
            Ok(None) | Err(Errno::INTR) => {}
            // No child is left; closing the pipe reports it.
            Err(_) => return,
        }
    }
}

fn ended(status: WaitStatus) -> Option<(u8, u8)> {
    let code = status.exit_status().map(|code| (0, code));
    let (kind, value) = code.or_else(|| status.terminating_signal().map(|signal| (1, signal)))?;
    Some((kind, u8::try_from(value).unwrap_or(u8::MAX)))
}
