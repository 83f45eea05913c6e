//! The script's output: read from its pipes in order, forwarded up to a budget, counted beyond it. At most one piece is
//! held, and the script waits while the host does not read it.

use longshore_protocol::{Dropped, LogSource};
use std::io::Read;
use std::process::{ChildStderr, ChildStdout};

/// Bytes read at a time: the capacity of a pipe.
const PIECE_BYTES: usize = 64 << 10;

/// The bytes of stdout and stderr that may still be forwarded.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
    dropped: Dropped,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left: bytes, dropped: Dropped::default() }
    }

    /// How much of a piece of `length` bytes is forwarded; the rest is counted as dropped.
    pub(crate) fn spend(&mut self, source: LogSource, length: usize) -> usize {
        let forwarded = length.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= forwarded as u64;
        let dropped = (length - forwarded) as u64;
        match source {
            LogSource::Stdout => self.dropped.stdout += dropped,
            LogSource::Stderr => self.dropped.stderr += dropped,
        }
        forwarded
    }

    pub(crate) fn dropped(&self) -> Dropped {
        self.dropped
    }
}

/// One of the script's pipes.
#[derive(Debug)]
pub(crate) enum Pipe {
    Stdout(ChildStdout),
    Stderr(ChildStderr),
}

impl Pipe {
    pub(crate) fn source(&self) -> LogSource {
        match self {
            Self::Stdout(_) => LogSource::Stdout,
            Self::Stderr(_) => LogSource::Stderr,
        }
    }

    /// Reads a piece; `None` once the pipe has no writer left.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
        buffer.resize(PIECE_BYTES, 0);
        let read = loop {
            let read = match self {
                Self::Stdout(pipe) => pipe.read(buffer),
                Self::Stderr(pipe) => pipe.read(buffer),
            };
            match read {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        Ok((read > 0).then_some(read))
    }
}

impl std::os::fd::AsFd for Pipe {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Stdout(pipe) => pipe.as_fd(),
            Self::Stderr(pipe) => pipe.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_budget_is_counted_by_source() {
        let mut budget = Budget::new(10);
        assert_eq!(budget.spend(LogSource::Stdout, 6), 6);
        assert_eq!(budget.spend(LogSource::Stderr, 6), 4);
        assert_eq!(budget.spend(LogSource::Stdout, 3), 0);
        assert_eq!(budget.dropped(), Dropped { stdout: 3, stderr: 2 });
    }
}
