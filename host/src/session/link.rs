//! Frames over a Unix socket, asynchronously, by the same codec as the blocking connection; and the greeting that
//! both kinds of connection start with.

use longshore_protocol::{
    ConnectionError, Decoder, Frame, Hello, Message, Payload, ProtocolError, Version, VersionRange, receive_into,
    send_frame_part,
};
use std::io::{ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Frames that may wait to be written: 16 payloads of at most 256 KiB.
const QUEUE: usize = 16;

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

/// The reading half.
#[derive(Debug)]
pub(crate) struct Incoming {
    socket: Arc<UnixStream>,
    decoder: Decoder,
    buffer: Vec<u8>,
}

/// The writing half: a queue in front of a task. The task ends, and the connection closes, with the last clone. Whoever
/// sends waits while the peer does not read: what must not wait says [`say`].
pub(crate) type Outgoing = mpsc::Sender<Frame>;

/// Splits an accepted connection.
pub(crate) fn open(socket: UnixStream) -> (Incoming, Outgoing) {
    let socket = Arc::new(socket);
    let (outgoing, mut frames) = mpsc::channel::<Frame>(QUEUE);
    let writer = Arc::clone(&socket);
    // It ends with the queue's last sender, or with its peer: a container's end closes what it has open.
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            if write(&writer, &frame).await.is_err() {
                // The reader of this connection sees its end, and says so.
                return;
            }
        }
    });
    (Incoming { socket, decoder: Decoder::new(), buffer: vec![0; READ_BYTES] }, outgoing)
}

/// Sends a frame that fits into the queue. Says whether it did: a peer that is gone needs no frames.
pub(crate) fn say(outgoing: &Outgoing, message: &impl Message) -> bool {
    !matches!(outgoing.try_send(Frame::new(message)), Err(mpsc::error::TrySendError::Full(_)))
}

impl Incoming {
    /// The next frame; `None` when the other side has hung up between frames.
    pub(crate) async fn receive(&mut self) -> Result<Option<Frame>, ConnectionError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            let read = loop {
                let failed = |source| ConnectionError::Io { doing: "reading from", source };
                self.socket.readable().await.map_err(failed)?;
                let attempt = self.socket.try_io(Interest::READABLE, || {
                    match receive_into(self.socket.as_fd(), &mut self.buffer, &mut self.decoder) {
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
                let between = self.decoder.is_between_frames();
                return if between { Ok(None) } else { Err(ConnectionError::Truncated) };
            }
        }
    }
}

async fn write(socket: &UnixStream, frame: &Frame) -> Result<(), std::io::Error> {
    let header = frame.encode_header().map_err(std::io::Error::other)?;
    let inline: &[u8] = if let Payload::Inline(bytes) = &frame.payload { bytes } else { &[] };
    let mut descriptor = match &frame.payload {
        Payload::Descriptor { descriptor, .. } => Some(descriptor.as_fd()),
        Payload::None | Payload::Inline(_) => None,
    };
    let mut parts = [IoSlice::new(&header), IoSlice::new(&frame.message), IoSlice::new(inline)];
    let mut left = &mut parts[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        socket.writable().await?;
        let parts: &[IoSlice<'_>] = left;
        match socket.try_io(Interest::WRITABLE, || send_frame_part(socket.as_fd(), parts, descriptor)) {
            Ok(sent) => {
                descriptor = None;
                IoSlice::advance_slices(&mut left, sent);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits for Hello, as long as it takes, and settles on a version.
pub(crate) async fn greet(incoming: &mut Incoming) -> Result<(Hello, Version), ConnectionError> {
    let frame = incoming.receive().await?.ok_or(ConnectionError::Closed { expected: "hello" })?;
    let hello = Hello::from_json(&frame.message)?;
    frame.payload.into_none("hello")?;
    let version = VersionRange::SUPPORTED.negotiate(hello.protocol, &hello.software).map_err(ProtocolError::from)?;
    Ok((hello, version))
}
