//! The in-memory twin of a connection: frames through bounded channels, headers checked on the way, no socket. Tests
//! of anything that speaks the protocol run over it without a process.

use crate::error::ConnectionError;
use crate::frame::Frame;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Frames that may wait in a channel, as they would in a socket's buffer.
const DEPTH: usize = 16;

/// One side of an in-memory connection.
#[derive(Debug)]
pub struct MemoryConnection {
    /// The half that writes.
    pub sender: MemorySender,
    /// The half that reads.
    pub receiver: MemoryReceiver,
}

impl MemoryConnection {
    /// Two sides of one connection.
    #[must_use]
    pub fn pair() -> (Self, Self) {
        let (there, here) = (sync_channel(DEPTH), sync_channel(DEPTH));
        (
            Self { sender: MemorySender(there.0), receiver: MemoryReceiver(here.1) },
            Self { sender: MemorySender(here.0), receiver: MemoryReceiver(there.1) },
        )
    }
}

/// The writing half.
#[derive(Debug)]
pub struct MemorySender(SyncSender<Frame>);

impl MemorySender {
    /// Sends a frame, waiting while the channel is full.
    ///
    /// # Errors
    /// The frame breaks a limit, or the other side is gone (a broken pipe, as a socket would say).
    pub fn send(&mut self, frame: Frame) -> Result<(), ConnectionError> {
        frame.encode_header()?;
        self.0
            .send(frame)
            .map_err(|_| ConnectionError::Io { doing: "writing to", source: std::io::ErrorKind::BrokenPipe.into() })
    }
}

/// The reading half.
#[derive(Debug)]
pub struct MemoryReceiver(Receiver<Frame>);

impl MemoryReceiver {
    /// The next frame; `None` when the other side is gone.
    pub fn receive(&mut self) -> Option<Frame> {
        self.0.recv().ok()
    }
}
