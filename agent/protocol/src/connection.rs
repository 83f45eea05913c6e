//! A blocking connection over a socket, in two halves that may be used on two threads. Used by the agent and the
//! client; the host has an asynchronous one over the same reader. Unix sockets pass descriptors; other stream sockets
//! carry the same messages without them.

use crate::error::{ConnectionError, ProtocolError};
use crate::frame::Frame;
use crate::hello::Hello;
use crate::message::Message;
use crate::payload::Payload;
use crate::reader::Reader;
use crate::sending::Sending;
use crate::socket::{receive_once, send_once};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

/// Bytes read at a time: four frames of log output, and one system call for any burst of control messages.
const READ_BYTES: usize = 64 << 10;

/// A connection over a socket, on which the other side sends the messages `M`.
#[derive(Debug)]
pub struct SocketConnection<M> {
    /// The half that writes.
    pub sender: Sender,
    /// The half that reads.
    pub receiver: Receiver<M>,
}

impl<M: Message> SocketConnection<M> {
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
        Self::over(socket.into(), Reader::new())
    }

    /// A connection over a connected stream socket that passes no descriptors, such as a TCP socket.
    #[must_use]
    pub fn without_descriptors(socket: impl Into<OwnedFd>) -> Self {
        let mut reader = Reader::new();
        reader.refuse_descriptors();
        Self::over(socket.into(), reader)
    }

    fn over(socket: OwnedFd, reader: Reader<M>) -> Self {
        let socket = Arc::new(socket);
        Self {
            sender: Sender { socket: Arc::clone(&socket) },
            receiver: Receiver { socket, reader, buffer: vec![0; READ_BYTES] },
        }
    }

    /// Whether descriptors pass: before Hello what the socket can do, after Welcome what the two sides agreed on.
    #[must_use]
    pub fn passes_descriptors(&self) -> bool {
        self.receiver.reader.passes_descriptors()
    }

    /// Applies what Welcome declares about descriptors.
    ///
    /// # Errors
    /// [`ProtocolError::DescriptorsNotNegotiated`] if Welcome declares that they pass, and Hello did not.
    pub fn agree(&mut self, descriptors: bool) -> Result<(), ProtocolError> {
        if descriptors && !self.passes_descriptors() {
            return Err(ProtocolError::DescriptorsNotNegotiated);
        }
        if !descriptors {
            self.receiver.reader.refuse_descriptors();
        }
        Ok(())
    }
}

impl SocketConnection<Hello> {
    /// The connection once Hello has been read.
    #[must_use]
    pub fn greeted<M: Message>(self) -> SocketConnection<M> {
        let Self { sender, receiver: Receiver { socket, reader, buffer } } = self;
        SocketConnection { sender, receiver: Receiver { socket, reader: reader.greeted(), buffer } }
    }
}

/// The writing half.
#[derive(Debug)]
pub struct Sender {
    socket: Arc<OwnedFd>,
}

impl Sender {
    /// Sends a message without payload; waits while the peer does not read.
    ///
    /// # Errors
    /// [`ConnectionError::Io`], or the message breaks a limit.
    pub fn send(&mut self, message: &impl Message) -> Result<(), ConnectionError> {
        self.send_with(message, Payload::None)
    }

    /// Sends a message with a payload; waits likewise.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn send_with(&mut self, message: &impl Message, payload: Payload) -> Result<(), ConnectionError> {
        let mut sending = Sending::new(Frame::with(message, payload))?;
        while !sending.is_done() {
            send_once(&self.socket, &mut sending)
                .map_err(|source| ConnectionError::Io { doing: "writing to", source })?;
        }
        Ok(())
    }
}

/// The reading half.
#[derive(Debug)]
pub struct Receiver<M> {
    socket: Arc<OwnedFd>,
    reader: Reader<M>,
    buffer: Vec<u8>,
}

impl<M: Message> Receiver<M> {
    /// The next message with its payload; `None` when the peer has closed the connection between frames.
    ///
    /// # Errors
    /// [`ConnectionError`]; a socket in non-blocking mode without data is [`ConnectionError::Io`] with `WouldBlock`,
    /// and the bytes received so far are kept.
    pub fn receive(&mut self) -> Result<Option<(M, Payload)>, ConnectionError> {
        loop {
            if let Some(read) = self.reader.next_message()? {
                return Ok(Some(read));
            }
            if receive_once(&self.socket, &mut self.buffer, &mut self.reader)? == 0 {
                let between = self.reader.is_between_frames();
                return if between { Ok(None) } else { Err(ConnectionError::Truncated) };
            }
        }
    }

    /// The next message that has arrived already, without reading from the socket.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn buffered(&mut self) -> Result<Option<(M, Payload)>, ConnectionError> {
        Ok(self.reader.next_message()?)
    }
}

impl<M> AsFd for Receiver<M> {
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
    use crate::stream::StreamId;
    use crate::to_script::ToScript;
    use std::io::Write;

    fn pair() -> (SocketConnection<FromScript>, SocketConnection<ToScript>) {
        let (a, b) = UnixStream::pair().unwrap();
        (SocketConnection::new(a), SocketConnection::new(b))
    }

    #[test]
    fn a_descriptor_arrives_with_its_frame() {
        let (mut host, mut script) = pair();
        let mut file = tempfile();
        file.write_all(b"hello").unwrap();
        let stream = StreamId(1);
        let (opened, data, end) =
            (ToScript::Opened { stream, connected: true }, ToScript::Data { stream }, ToScript::End { stream });
        host.sender.send(&opened).unwrap();
        host.sender.send_with(&data, Payload::Descriptor { descriptor: file.into(), length: 5 }).unwrap();
        host.sender.send(&end).unwrap();
        assert_eq!(script.receiver.receive().unwrap().unwrap().0, opened);
        let (message, payload) = script.receiver.receive().unwrap().unwrap();
        assert_eq!(message, data);
        let (descriptor, length) = payload.into_descriptor("data").unwrap();
        assert_eq!(length, 5);
        let file = std::fs::File::from(descriptor);
        let mut bytes = [0; 5];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"hello");
        assert_eq!(script.receiver.receive().unwrap().unwrap().0, end);
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
                script.sender.send_with(&data, Payload::Inline(sent.clone())).unwrap();
            }
        });
        for _ in 0..8 {
            let (_, payload) = host.receiver.receive().unwrap().unwrap();
            assert_eq!(payload.into_bytes(), expected);
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
        let mut connection = SocketConnection::<FromScript>::new(b);
        assert!(matches!(connection.receiver.receive(), Err(ConnectionError::Truncated)));
    }

    fn tempfile() -> std::fs::File {
        let fd = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        std::fs::File::from(fd)
    }
}
