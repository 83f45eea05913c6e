//! A frame: a fixed header, a JSON control message, and at most one payload. This file owns the header's layout; the
//! codec reads frames from bytes.

use crate::error::ProtocolError;
use crate::limits::{INLINE_MAX, MESSAGE_MAX, SEGMENT_MAX};
use crate::message::{self, Message};
use crate::payload::{Payload, PayloadKind};

/// The first four bytes of every frame.
pub const MAGIC: [u8; 4] = *b"LSF1";

/// Bytes of the header: magic 4, payload kind 1, reserved 3, message length 4, payload length 8; little endian.
pub const HEADER_BYTES: usize = 20;

/// One frame, its message still JSON: which messages are known depends on the direction.
#[derive(Debug)]
pub struct Frame {
    /// The control message as JSON.
    pub message: Vec<u8>,
    /// Its payload.
    pub payload: Payload,
}

impl Frame {
    /// A frame with a message and nothing else.
    pub fn new(message: &impl Message) -> Self {
        Self { message: message.to_json(), payload: Payload::None }
    }

    /// A frame with a payload.
    pub fn with(message: &impl Message, payload: Payload) -> Self {
        Self { message: message.to_json(), payload }
    }

    /// Its message and its payload.
    ///
    /// # Errors
    /// The message is not one of `M`, or has a payload of another kind than it must carry.
    pub fn into_message<M: Message>(self) -> Result<(M, Payload), ProtocolError> {
        let message: M = message::from_json(&self.message)?;
        let carries = message.carries();
        if !carries.admits(self.payload.kind()) {
            let (message, expected) = (message::name::<M>(&self.message), carries.words());
            return Err(ProtocolError::WrongPayload { message, expected });
        }
        Ok((message, self.payload))
    }

    /// The frame's header.
    ///
    /// # Errors
    /// [`ProtocolError::MessageTooLong`] and [`ProtocolError::PayloadTooLong`]: a sender keeps the limits too.
    pub fn encode_header(&self) -> Result<[u8; HEADER_BYTES], ProtocolError> {
        let header = Header {
            kind: self.payload.kind(),
            message_length: self.message.len() as u64,
            payload_length: self.payload.length(),
        };
        header.check()?;
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = header.kind.to_byte();
        let message_length = u32::try_from(header.message_length).expect("checked against MESSAGE_MAX");
        bytes[8..12].copy_from_slice(&message_length.to_le_bytes());
        bytes[12..].copy_from_slice(&header.payload_length.to_le_bytes());
        Ok(bytes)
    }
}

/// A header that has been decoded and checked against the limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) kind: PayloadKind,
    pub(crate) message_length: u64,
    pub(crate) payload_length: u64,
}

impl Header {
    pub(crate) fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, ProtocolError> {
        let (magic, rest) = bytes.split_first_chunk::<4>().expect("the header is longer than 4 bytes");
        if *magic != MAGIC {
            return Err(ProtocolError::BadMagic { found: *magic });
        }
        let kind = PayloadKind::from_byte(rest[0])?;
        if rest[1..4] != [0; 3] {
            return Err(ProtocolError::ReservedBytes);
        }
        let message_length = u32::from_le_bytes(rest[4..8].try_into().expect("four bytes"));
        let payload_length = u64::from_le_bytes(rest[8..16].try_into().expect("eight bytes"));
        let header = Self { kind, message_length: u64::from(message_length), payload_length };
        header.check()?;
        Ok(header)
    }

    fn check(self) -> Result<(), ProtocolError> {
        if self.message_length > MESSAGE_MAX as u64 {
            return Err(ProtocolError::MessageTooLong { length: self.message_length, limit: MESSAGE_MAX as u64 });
        }
        let limit = match self.kind {
            PayloadKind::None if self.payload_length > 0 => return Err(ProtocolError::PayloadContradiction),
            PayloadKind::None => return Ok(()),
            PayloadKind::Inline => INLINE_MAX as u64,
            PayloadKind::Descriptor => SEGMENT_MAX,
        };
        if self.payload_length > limit {
            return Err(ProtocolError::PayloadTooLong { length: self.payload_length, limit });
        }
        Ok(())
    }
}
