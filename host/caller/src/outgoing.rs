//! The half of a connection that sends. A host that closes the connection has said why before: that is read instead.

use longshore_protocol::{ConnectionError, FromCaller, Payload, Sender};

/// Whether an error of sending means that the host has closed the connection: what it said before is read instead.
fn has_closed(error: &ConnectionError) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    matches!(error, ConnectionError::Io { source, .. } if matches!(source.kind(), BrokenPipe | ConnectionReset))
}

/// The half that sends, until the host has closed the connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    sender: Sender,
    is_closed: bool,
}

impl Outgoing {
    pub(crate) fn new(sender: Sender) -> Self {
        Self { sender, is_closed: false }
    }

    /// Sends a message, unless the host has closed the connection.
    pub(crate) fn send(&mut self, message: &FromCaller, payload: Payload) -> Result<(), ConnectionError> {
        if self.is_closed {
            return Ok(());
        }
        match self.sender.send_with(message, payload) {
            Err(error) if has_closed(&error) => {
                self.is_closed = true;
                Ok(())
            }
            sent => sent,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }
}
