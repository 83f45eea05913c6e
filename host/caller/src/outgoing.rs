//! The half of a connection that sends. A host that closes the connection has said why before: that is read instead. One
//! that does not read is waited for as long as a [`Patience`] allows.

use crate::error::CallerError;
use crate::patience::{Patience, TURN, is_ready};
use longshore_protocol::{ConnectionError, Frame, FromCaller, Payload, Sender, Sending, send_once};
use rustix::event::PollFlags;
use std::io::ErrorKind;

/// Whether an error of sending means that the host has closed the connection: what it said before is read instead.
pub(crate) fn has_closed(error: &ConnectionError) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionReset};
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
    pub(crate) fn send(
        &mut self,
        message: &FromCaller,
        payload: Payload,
        patience: &mut Patience,
    ) -> Result<(), CallerError> {
        if self.is_closed {
            return Ok(());
        }
        let mut sending = Sending::new(Frame::with(message, payload)).map_err(ConnectionError::from)?;
        while !sending.is_done() {
            let sent = patience.until(|| match send_once(&self.sender, &mut sending) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    is_ready(&self.sender, PollFlags::OUT, Some(TURN)).map(|_| None)
                }
                sent => Ok(Some(sent)),
            });
            match sent {
                Ok(Ok(())) => {}
                Ok(Err(source)) => {
                    let error = ConnectionError::Io { doing: "writing to", source };
                    self.is_closed = has_closed(&error);
                    return if self.is_closed { Ok(()) } else { Err(error.into()) };
                }
                Err(error) => {
                    // A part of the message may have been sent.
                    self.is_closed = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }
}
