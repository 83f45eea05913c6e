//! A blocking connection over a Unix socket, in two halves that may live on two threads. Used by the agent and the
//! client; the host has an asynchronous one of its own over the same codec.

use crate::codec::Decoder;
use crate::error::ConnectionError;
use crate::frame::{Frame, Payload};
use crate::socket::{receive_into, send_frame_part};
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

/// Bytes read at a time: four frames of log output, and one system call for any burst of control messages.
const READ_BYTES: usize = 64 << 10;

/// A connection over a Unix socket.
#[derive(Debug)]
pub struct SocketConnection {
    /// The half that writes.
    pub sender: Sender,
    /// The half that reads.
    pub receiver: Receiver,
}

impl SocketConnection {
    /// Connects to a listening socket.
    ///
    /// # Errors
    /// [`ConnectionError::Io`].
    pub fn connect(path: &Path) -> Result<Self, ConnectionError> {
        let socket = UnixStream::connect(path).map_err(|source| ConnectionError::Io { doing: "opening", source })?;
        Ok(Self::new(socket))
    }

    /// A connection over a connected socket.
    #[must_use]
    pub fn new(socket: UnixStream) -> Self {
        let socket = Arc::new(socket);
        Self {
            sender: Sender { socket: Arc::clone(&socket) },
            receiver: Receiver { socket, decoder: Decoder::new(), buffer: vec![0; READ_BYTES] },
        }
    }
}

/// The writing half.
#[derive(Debug)]
pub struct Sender {
    socket: Arc<UnixStream>,
}

impl Sender {
    /// Sends a whole frame, waiting as long as the peer does not read.
    ///
    /// # Errors
    /// [`ConnectionError::Io`], or the frame breaks a limit.
    pub fn send(&mut self, frame: &Frame) -> Result<(), ConnectionError> {
        let header = frame.encode_header()?;
        let inline: &[u8] = if let Payload::Inline(bytes) = &frame.payload { bytes } else { &[] };
        let mut descriptor = match &frame.payload {
            Payload::Descriptor { descriptor, .. } => Some(descriptor.as_fd()),
            Payload::None | Payload::Inline(_) => None,
        };
        let mut parts = [IoSlice::new(&header), IoSlice::new(&frame.message), IoSlice::new(inline)];
        let mut left = &mut parts[..];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let sent = send_frame_part(&self.socket, left, descriptor.take())
                .map_err(|source| ConnectionError::Io { doing: "writing to", source })?;
            IoSlice::advance_slices(&mut left, sent);
        }
        Ok(())
    }
}

/// The reading half.
#[derive(Debug)]
pub struct Receiver {
    socket: Arc<UnixStream>,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Receiver {
    /// The next frame; `None` when the peer has hung up between frames.
    ///
    /// # Errors
    /// [`ConnectionError`]; a socket in non-blocking mode that has nothing is [`ConnectionError::Io`] with
    /// `WouldBlock`, and what has come so far is kept.
    pub fn receive(&mut self) -> Result<Option<Frame>, ConnectionError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            if receive_into(&self.socket, &mut self.buffer, &mut self.decoder)? == 0 {
                let between = self.decoder.is_between_frames();
                return if between { Ok(None) } else { Err(ConnectionError::Truncated) };
            }
        }
    }
}

impl Receiver {
    /// The next frame that has arrived already, without reading from the socket.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn buffered(&mut self) -> Result<Option<Frame>, ConnectionError> {
        Ok(self.decoder.next_frame()?)
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_script::{FromScript, Place};
    use crate::message::Message;
    use crate::stream::StreamId;
    use crate::to_script::ToScript;
    use std::io::Write;

    fn pair() -> (SocketConnection, SocketConnection) {
        let (a, b) = UnixStream::pair().unwrap();
        (SocketConnection::new(a), SocketConnection::new(b))
    }

    #[test]
    fn a_descriptor_arrives_with_its_frame() {
        let (mut host, mut script) = pair();
        let mut file = tempfile();
        file.write_all(b"hello").unwrap();
        let data = ToScript::Data { stream: StreamId(1) };
        host.sender.send(&Frame::new(&ToScript::Opened { stream: StreamId(1), connected: true })).unwrap();
        host.sender.send(&Frame::with(&data, Payload::Descriptor { descriptor: file.into(), length: 5 })).unwrap();
        host.sender.send(&Frame::new(&ToScript::End { stream: StreamId(1) })).unwrap();
        script.receiver.receive().unwrap().unwrap().payload.into_none("opened").unwrap();
        let frame = script.receiver.receive().unwrap().unwrap();
        assert_eq!(ToScript::from_json(&frame.message).unwrap(), data);
        let (descriptor, length) = frame.payload.into_descriptor("data").unwrap();
        assert_eq!(length, 5);
        let file = std::fs::File::from(descriptor);
        let mut bytes = [0; 5];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"hello");
        script.receiver.receive().unwrap().unwrap().payload.into_none("end").unwrap();
        drop(host);
        assert!(script.receiver.receive().unwrap().is_none());
    }

    #[test]
    fn a_frame_larger_than_the_sockets_buffer_arrives_whole() {
        let (mut host, mut script) = pair();
        let sent: Vec<u8> = (0..crate::limits::INLINE_MAX).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
        let expected = sent.clone();
        let writer = std::thread::spawn(move || {
            for _ in 0..8 {
                let data = FromScript::Data { stream: StreamId(1), place: Place::Inline };
                script.sender.send(&Frame::with(&data, Payload::Inline(sent.clone()))).unwrap();
            }
        });
        for _ in 0..8 {
            let frame = host.receiver.receive().unwrap().unwrap();
            assert_eq!(frame.payload.into_inline("data").unwrap(), expected);
        }
        writer.join().unwrap();
        drop(script.receiver);
        assert!(host.receiver.receive().unwrap().is_none());
    }

    #[test]
    fn hanging_up_inside_a_frame_is_told_apart() {
        let (mut a, b) = UnixStream::pair().unwrap();
        let frame = Frame::new(&FromScript::Borrow);
        a.write_all(&frame.encode_header().unwrap()).unwrap();
        drop(a);
        let mut connection = SocketConnection::new(b);
        assert!(matches!(connection.receiver.receive(), Err(ConnectionError::Truncated)));
    }

    fn tempfile() -> std::fs::File {
        let fd = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        std::fs::File::from(fd)
    }
}
