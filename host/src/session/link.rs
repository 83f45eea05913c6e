//! Frames over a Unix socket, asynchronously, by the same codec as the blocking connection; and the greeting that
//! both kinds of connection start with.

use longshore_protocol::{
    ConnectionError, Frame, Hello, Message, Payload, ProtocolError, Reader, Sending, Version, VersionRange,
    receive_once, send_once,
};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Frames that may wait to be written: 16 payloads of at most 256 KiB.
const QUEUE: usize = 16;

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

/// The reading half, from which the messages `M` come.
#[derive(Debug)]
pub(crate) struct Incoming<M> {
    socket: Arc<UnixStream>,
    reader: Reader<M>,
    buffer: Vec<u8>,
}

/// The writing half: a queue in front of a task. The task ends, and the connection closes, with the last clone. Whoever
/// sends waits while the peer does not read: what must not wait says [`say`].
pub(crate) type Outgoing = mpsc::Sender<Frame>;

/// Splits an accepted connection.
pub(crate) fn open(socket: UnixStream) -> (Incoming<Hello>, Outgoing) {
    let socket = Arc::new(socket);
    let (outgoing, mut frames) = mpsc::channel::<Frame>(QUEUE);
    let writer = Arc::clone(&socket);
    // It ends with the queue's last sender, or with its peer: a container's end closes what it has open.
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            if write(&writer, frame).await.is_err() {
                // The reader of this connection sees its end, and says so.
                return;
            }
        }
    });
    (Incoming { socket, reader: Reader::new(), buffer: vec![0; READ_BYTES] }, outgoing)
}

/// Sends a frame that fits into the queue. Says whether it did: a peer that is gone needs no frames.
pub(crate) fn say(outgoing: &Outgoing, message: &impl Message) -> bool {
    !matches!(outgoing.try_send(Frame::new(message)), Err(mpsc::error::TrySendError::Full(_)))
}

impl<M: Message> Incoming<M> {
    /// The next message with what it carries; `None` when the other side has hung up between frames.
    pub(crate) async fn receive(&mut self) -> Result<Option<(M, Payload)>, ConnectionError> {
        loop {
            if let Some(read) = self.reader.next_message()? {
                return Ok(Some(read));
            }
            let read = loop {
                let failed = |source| ConnectionError::Io { doing: "reading from", source };
                self.socket.readable().await.map_err(failed)?;
                let attempt = self.socket.try_io(Interest::READABLE, || {
                    match receive_once(self.socket.as_fd(), &mut self.buffer, &mut self.reader) {
                        Err(ConnectionError::Io { source, .. }) => Err(source),
                        other => Ok(other),
                    }
                });
                match attempt {
                    Ok(read) => break read?,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    // A container that is killed resets its connections.
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                    Err(error) => return Err(failed(error)),
                }
            };
            if read == 0 {
                let between = self.reader.is_between_frames();
                return if between { Ok(None) } else { Err(ConnectionError::Truncated) };
            }
        }
    }
}

impl Incoming<Hello> {
    /// The half that reads what follows Hello.
    pub(crate) fn greeted<M: Message>(self) -> Incoming<M> {
        Incoming { socket: self.socket, reader: self.reader.greeted(), buffer: self.buffer }
    }
}

async fn write(socket: &UnixStream, frame: Frame) -> Result<(), std::io::Error> {
    let mut sending = Sending::new(frame).map_err(std::io::Error::other)?;
    while !sending.is_done() {
        socket.writable().await?;
        match socket.try_io(Interest::WRITABLE, || send_once(socket.as_fd(), &mut sending)) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Waits for Hello, as long as it takes, and settles on a version.
pub(crate) async fn greet(incoming: &mut Incoming<Hello>) -> Result<(Hello, Version), ConnectionError> {
    let (hello, _) = incoming.receive().await?.ok_or(ConnectionError::Closed { expected: "hello" })?;
    let version = VersionRange::SUPPORTED.negotiate(hello.protocol, &hello.software).map_err(ProtocolError::from)?;
    Ok((hello, version))
}
