//! Errors of the wire. One variant for each way in which a peer can break the protocol, so that tests and golden
//! vectors check the exact one; transport failures are in [`ConnectionError`].

use crate::version::VersionMismatch;
use thiserror::Error;

/// A peer broke the protocol. The connection cannot go on.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The first bytes are not a frame's.
    #[error("not a Longshore frame: it starts with `{found:02x?}`, a frame starts with `LSF1`")]
    BadMagic {
        /// The four bytes received.
        found: [u8; 4],
    },
    /// The header names a payload kind that does not exist.
    #[error("unknown payload kind `{kind}`")]
    UnknownPayloadKind {
        /// The byte received.
        kind: u8,
    },
    /// Reserved header bytes are not zero.
    #[error("reserved header bytes are not zero")]
    ReservedBytes,
    /// The control message is longer than [`crate::limits::MESSAGE_MAX`].
    #[error("control message of {length} bytes is longer than the limit of {limit}")]
    MessageTooLong {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The payload is longer than its kind allows.
    #[error("payload of {length} bytes is longer than the limit of {limit}")]
    PayloadTooLong {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A frame without payload announces payload bytes, or one with a payload announces none.
    #[error("payload kind and payload length contradict each other")]
    PayloadContradiction,
    /// The frame announces a descriptor that was not passed.
    #[error("frame announces a descriptor, but none was passed")]
    MissingDescriptor,
    /// A descriptor was passed that no frame announces.
    #[error("a descriptor was passed that no frame announces")]
    UnexpectedDescriptor,
    /// A descriptor on a connection over which the two sides have not agreed to pass any.
    #[error("a descriptor was passed, but the two sides have not agreed to pass descriptors on this connection")]
    DescriptorsNotNegotiated,
    /// The control message is not JSON, or lacks its type.
    #[error("control message is not valid: {reason}")]
    BadMessage {
        /// The JSON reader's error.
        reason: String,
    },
    /// The control message has a type that this direction does not know.
    #[error("unknown message `{name}` {direction}")]
    UnknownMessage {
        /// The type received.
        name: String,
        /// Such as `from the script`.
        direction: &'static str,
    },
    /// A known message was received at a time when the protocol does not allow it.
    #[error("expected {expected}, received `{received}`")]
    Unexpected {
        /// The expected message.
        expected: &'static str,
        /// The received message.
        received: String,
    },
    /// A message needs a payload of another kind than it carries.
    #[error("message `{message}` must carry {expected}")]
    WrongPayload {
        /// The message's type.
        message: &'static str,
        /// Such as `an inline payload`.
        expected: &'static str,
    },
    /// The sender exceeded its credit.
    #[error("stream {stream} has {outstanding} bytes under way, beyond its window of {window}")]
    WindowExceeded {
        /// The stream.
        stream: u32,
        /// Bytes under way with this payload.
        outstanding: u64,
        /// Bytes allowed.
        window: u64,
    },
    /// More was acknowledged than had been sent.
    #[error("stream {stream} acknowledges {bytes} bytes, but only {outstanding} are under way")]
    BadAcknowledgement {
        /// The stream.
        stream: u32,
        /// Bytes acknowledged.
        bytes: u64,
        /// Bytes under way.
        outstanding: u64,
    },
    /// The two sides have no version in common.
    #[error(transparent)]
    Version(#[from] VersionMismatch),
}

/// A connection failed: its transport, or the protocol on it.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The socket failed.
    #[error("{doing} the connection failed")]
    Io {
        /// Such as `reading from`.
        doing: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The peer closed the connection in the middle of a frame.
    #[error("the connection ended in the middle of a frame")]
    Truncated,
    /// The peer closed the connection where the protocol requires another message.
    #[error("the connection ended while waiting for {expected}")]
    Closed {
        /// The expected message.
        expected: &'static str,
    },
    /// The peer broke the protocol.
    #[error("the other side broke the protocol")]
    Protocol(#[from] ProtocolError),
}
