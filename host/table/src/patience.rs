//! Determines whether a source that is still being written has more data ready: a batch ends where reading its next row
//! would block.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at a time: the capacity of a pipe.
pub(super) const READ_BYTES: usize = 64 << 10;

/// The source to poll, and the number of bytes handed out.
#[derive(Debug)]
pub(crate) struct Patience {
    file: Arc<File>,
    handed: Arc<AtomicU64>,
}

impl Patience {
    /// For a source; a copy of its descriptor is polled.
    pub(super) fn of(file: &File) -> std::io::Result<Self> {
        Ok(Self { file: Arc::new(file.try_clone()?), handed: Arc::default() })
    }

    /// The text of the source, with `head` that was read from it already, counted as it is handed out.
    pub(super) fn counted(&self, head: Vec<u8>, text: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Counted { text: Cursor::new(head).chain(text), handed: Arc::clone(&self.handed) })
    }

    /// Whether a reader that has used `used` bytes would block for the next ones.
    pub(crate) fn would_wait(&self, used: u64) -> bool {
        used >= self.handed.load(Ordering::Relaxed) && !self.ready(Timespec { tv_sec: 0, tv_nsec: 0 })
    }

    /// Whether more data or the end arrives before the timeout.
    pub(super) fn ready(&self, timeout: Timespec) -> bool {
        // If it cannot be polled, reading it reports the error.
        poll(&mut [PollFd::new(&*self.file, PollFlags::IN)], Some(&timeout)).map_or(true, |ready| ready > 0)
    }
}

/// Counts the bytes that it hands out.
struct Counted<R> {
    text: R,
    handed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = buffer.len().min(READ_BYTES);
        let read = self.text.read(&mut buffer[..room])?;
        self.handed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
