//! The two halves of a connection, which do not wait for each other, and the greeting at the start of every connection.
//! `wire.rs` owns the transport.

mod wire;

use longshore_protocol::{
    ConnectionError, Frame, Hello, Message, Payload, ProtocolError, Reader, Sending, Version, VersionRange,
};
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;
pub use wire::Wire;

/// Frames that may wait to be written: 16 payloads of at most 256 KiB.
const QUEUE: usize = 16;

/// The action of the error of a failed writing half.
pub(crate) const WRITING: &str = "writing to";

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

/// The same where only short messages are expected.
const READ_LITTLE: usize = 4 << 10;

/// The reading half, which yields the messages `M`.
#[derive(Debug)]
pub struct Incoming<M> {
    wire: Arc<Wire>,
    reader: Reader<M>,
    buffer: Vec<u8>,
    /// The error of the writing half, if it fails.
    failure: mpsc::Receiver<io::Error>,
    /// The same, once it has been received.
    failed: Option<io::Error>,
}

/// The writing half: a queue in front of a task. The task ends, and the connection closes, with the last clone. Sending
/// waits while the peer does not read; code that must not wait sends only what fits into the queue.
pub type Outgoing = mpsc::Sender<Frame>;

/// Splits an accepted connection. Call it in a Tokio runtime.
pub fn open(wire: Wire) -> (Incoming<Hello>, Outgoing) {
    let wire = Arc::new(wire);
    let (outgoing, mut frames) = mpsc::channel::<Frame>(QUEUE);
    let writer = Arc::clone(&wire);
    let (fails, failure) = mpsc::channel(1);
    // It ends with the queue's last sender, or with its peer: the end of a container closes its connections.
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            if let Err(error) = write(&writer, frame).await {
                // There is room for the only one. The reader of this connection reports it.
                let _ = fails.try_send(error);
                return;
            }
        }
    });
    let mut reader = Reader::new();
    if !wire.passes_descriptors() {
        reader.refuse_descriptors();
    }
    (Incoming { wire, reader, buffer: vec![0; READ_BYTES], failure, failed: None }, outgoing)
}

/// Sends a frame if it fits into the queue. Returns `false` if the queue is full; a closed connection is no failure.
pub(crate) fn say(outgoing: &Outgoing, message: &impl Message) -> bool {
    !matches!(outgoing.try_send(Frame::new(message)), Err(mpsc::error::TrySendError::Full(_)))
}

impl<M: Message> Incoming<M> {
    /// Whether descriptors pass: the wire can pass them, and Hello announced that the peer accepts them.
    pub fn passes_descriptors(&self) -> bool {
        self.reader.passes_descriptors()
    }

    /// Gives back memory where only short messages are expected from here on. Longer ones take more reads.
    pub fn expect_little(&mut self) {
        self.buffer = vec![0; READ_LITTLE];
    }

    /// Waits until all that was sent is written, or cannot be. The last [`Outgoing`] must be dropped before.
    pub async fn written(mut self) {
        if self.failed.is_none() {
            // The task of the writing half has the other end.
            while self.failure.recv().await.is_some() {}
        }
    }

    /// The next message with its payload; `None` if the peer closed the connection between frames. Cancel safe.
    ///
    /// A failure of the writing half is an error here, so that the caller closes the connection. If the peer has closed
    /// its reading half, what it sent before is read first: it may have ended.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub async fn receive(&mut self) -> Result<Option<(M, Payload)>, ConnectionError> {
        loop {
            if let Some(read) = self.reader.next_message()? {
                return Ok(Some(read));
            }
            let read = match self.failed.take() {
                None => tokio::select! {
                    read = self.wire.receive(&mut self.buffer, &mut self.reader) => read?,
                    Some(error) = self.failure.recv() => {
                        self.failed = Some(error);
                        continue;
                    }
                },
                Some(error) if hung_up(&error) => {
                    let rest = self.wire.receive_rest(&mut self.buffer, &mut self.reader)?;
                    self.failed = Some(error);
                    rest.ok_or_else(half_closed)?
                }
                Some(source) => return Err(ConnectionError::Io { doing: WRITING, source }),
            };
            if read == 0 {
                let between = self.reader.is_between_frames();
                return if between { Ok(None) } else { Err(ConnectionError::Truncated) };
            }
        }
    }
}

/// Whether a peer that has ended causes this error of writing.
fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn half_closed() -> ConnectionError {
    let received = "the end of its reading half".into();
    ProtocolError::Unexpected { expected: "a peer that reads", received }.into()
}

impl Incoming<Hello> {
    /// The half that reads the messages after Hello.
    pub fn greeted<M: Message>(self) -> Incoming<M> {
        let Self { wire, reader, buffer, failure, failed } = self;
        Incoming { wire, reader: reader.greeted(), buffer, failure, failed }
    }
}

async fn write(wire: &Wire, frame: Frame) -> io::Result<()> {
    let mut sending = Sending::new(frame).map_err(io::Error::other)?;
    while !sending.is_done() {
        wire.send(&mut sending).await?;
    }
    Ok(())
}

/// Waits for Hello without a limit, and negotiates the version and whether descriptors pass.
///
/// # Errors
/// [`ConnectionError`]: another message, no common version, or a failure of the connection.
pub async fn greet(incoming: &mut Incoming<Hello>) -> Result<(Hello, Version), ConnectionError> {
    let (hello, _) = incoming.receive().await?.ok_or(ConnectionError::Closed { expected: "hello" })?;
    let version = VersionRange::SUPPORTED.negotiate(hello.protocol, &hello.software).map_err(ProtocolError::from)?;
    if !hello.descriptors {
        incoming.reader.refuse_descriptors();
    }
    Ok((hello, version))
}
