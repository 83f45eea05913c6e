//! An in-memory connection: frames through bounded channels, headers checked as on a socket. Tests of protocol code use
//! it without a process.

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
    /// The frame breaks a limit, or the other side is closed (a broken pipe, as with a socket).
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
    /// A frame that has arrived already.
    pub fn try_receive(&mut self) -> Option<Frame> {
        self.0.try_recv().ok()
    }

    /// The next frame; `None` when the other side is closed.
    pub fn receive(&mut self) -> Option<Frame> {
        self.0.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_script::{Delivery, FromScript};
    use crate::stream::{SendWindow, StreamId};
    use crate::to_script::ToScript;
    use crate::{Payload, limits};

    #[test]
    fn a_reading_within_its_credit_without_a_socket() {
        let (mut host, mut script) = MemoryConnection::pair();
        let reader = std::thread::spawn(move || {
            let stream = StreamId(1);
            script
                .sender
                .send(Frame::new(&FromScript::OpenInput { stream, input: 0, delivery: Delivery::Whole }))
                .unwrap();
            let mut bytes = 0;
            while let Some(frame) = script.receiver.receive() {
                match frame.into_message().unwrap() {
                    (ToScript::Data { stream }, payload) => {
                        let length = payload.length();
                        bytes += length;
                        script.sender.send(Frame::new(&FromScript::Ack { stream, bytes: length })).unwrap();
                    }
                    (ToScript::End { .. }, _) => break,
                    other => panic!("{other:?}"),
                }
            }
            bytes
        });
        let opened = host.receiver.receive().unwrap();
        let (FromScript::OpenInput { stream, .. }, _) = opened.into_message().unwrap() else {
            panic!("open_input comes first")
        };
        let mut window = SendWindow::new(stream);
        for _ in 0..1000 {
            let payload = Payload::Inline(vec![0; limits::INLINE_MAX]);
            while !window.admits(payload.length()) {
                let frame = host.receiver.receive().unwrap();
                let (FromScript::Ack { bytes, .. }, _) = frame.into_message().unwrap() else { panic!("ack") };
                window.acknowledged(bytes).unwrap();
            }
            // Like a socket, the channel holds a limited number; the reader's acknowledgements make room.
            while let Some(frame) = host.receiver.try_receive() {
                let (FromScript::Ack { bytes, .. }, _) = frame.into_message().unwrap() else { panic!("ack") };
                window.acknowledged(bytes).unwrap();
            }
            window.sent(payload.length());
            host.sender.send(Frame::with(&ToScript::Data { stream }, payload)).unwrap();
        }
        host.sender.send(Frame::new(&ToScript::End { stream })).unwrap();
        // The reader ends only when there is room for the rest of them.
        while let Some(frame) = host.receiver.receive() {
            let (FromScript::Ack { bytes, .. }, _) = frame.into_message().unwrap() else { panic!("ack") };
            window.acknowledged(bytes).unwrap();
        }
        assert_eq!(reader.join().unwrap(), 1000 * limits::INLINE_MAX as u64);
        let too_long = Frame::with(&FromScript::Borrow, Payload::Inline(vec![0; limits::INLINE_MAX + 1]));
        assert!(matches!(host.sender.send(too_long), Err(ConnectionError::Protocol(_))));
    }
}
