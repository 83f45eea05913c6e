//! Streams and their credit. A stream carries one table in one direction, in order; its sender may have only a limited
//! number of unacknowledged bytes in flight, so memory is bounded on both sides. Both halves are pure state.

use crate::error::ProtocolError;
use crate::limits::STREAM_WINDOW;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A stream, numbered by the script that opens it; a connection never reuses a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An arena, numbered by the host that lends it, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArenaId(pub u32);

/// The sender's half of a stream's credit.
#[derive(Debug)]
pub struct SendWindow {
    stream: StreamId,
    outstanding: u64,
}

impl SendWindow {
    /// A window with nothing in flight.
    #[must_use]
    pub fn new(stream: StreamId) -> Self {
        Self { stream, outstanding: 0 }
    }

    /// Whether a payload of `bytes` may be sent now. One payload may always be in flight.
    #[must_use]
    pub fn admits(&self, bytes: u64) -> bool {
        self.outstanding == 0 || self.outstanding.saturating_add(bytes) <= STREAM_WINDOW
    }

    /// Counts a payload that has been sent.
    pub fn sent(&mut self, bytes: u64) {
        self.outstanding = self.outstanding.saturating_add(bytes);
    }

    /// Counts an acknowledgement.
    ///
    /// # Errors
    /// [`ProtocolError::BadAcknowledgement`] for more bytes than are in flight.
    pub fn acknowledged(&mut self, bytes: u64) -> Result<(), ProtocolError> {
        if bytes > self.outstanding {
            let (stream, outstanding) = (self.stream.0, self.outstanding);
            return Err(ProtocolError::BadAcknowledgement { stream, bytes, outstanding });
        }
        self.outstanding -= bytes;
        Ok(())
    }
}

/// The receiver's half of a stream's credit: it enforces the sender's window.
#[derive(Debug)]
pub struct ReceiveWindow {
    stream: StreamId,
    outstanding: u64,
}

impl ReceiveWindow {
    /// A window with nothing in flight.
    #[must_use]
    pub fn new(stream: StreamId) -> Self {
        Self { stream, outstanding: 0 }
    }

    /// Counts a payload that has arrived.
    ///
    /// # Errors
    /// [`ProtocolError::WindowExceeded`] when it arrived without credit.
    pub fn received(&mut self, bytes: u64) -> Result<(), ProtocolError> {
        let outstanding = self.outstanding.saturating_add(bytes);
        if self.outstanding > 0 && outstanding > STREAM_WINDOW {
            return Err(ProtocolError::WindowExceeded { stream: self.stream.0, outstanding, window: STREAM_WINDOW });
        }
        self.outstanding = outstanding;
        Ok(())
    }

    /// Counts a payload that has been consumed and acknowledged.
    pub fn acknowledge(&mut self, bytes: u64) {
        self.outstanding = self.outstanding.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_payload_may_always_be_under_way() {
        let mut window = SendWindow::new(StreamId(1));
        assert!(window.admits(STREAM_WINDOW * 10));
        window.sent(STREAM_WINDOW * 10);
        assert!(!window.admits(1));
        window.acknowledged(STREAM_WINDOW * 10).unwrap();
        assert!(window.admits(1));
    }

    #[test]
    fn both_halves_hold_the_other_to_the_window() {
        let mut receiver = ReceiveWindow::new(StreamId(3));
        receiver.received(STREAM_WINDOW).unwrap();
        assert_eq!(
            receiver.received(1),
            Err(ProtocolError::WindowExceeded { stream: 3, outstanding: STREAM_WINDOW + 1, window: STREAM_WINDOW })
        );
        let mut sender = SendWindow::new(StreamId(3));
        sender.sent(5);
        assert_eq!(
            sender.acknowledged(6),
            Err(ProtocolError::BadAcknowledgement { stream: 3, bytes: 6, outstanding: 5 })
        );
    }
}
