//! What a frame carries besides its message: bytes or a descriptor, and which of them a message must carry.

use crate::error::ProtocolError;
use std::os::fd::OwnedFd;

/// What a frame carries besides its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// Nothing.
    None,
    /// Bytes that follow the message.
    Inline,
    /// One descriptor passed beside the frame; the payload length is the number of bytes used in it.
    Descriptor,
}

impl PayloadKind {
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Inline => 1,
            Self::Descriptor => 2,
        }
    }

    pub(crate) fn from_byte(kind: u8) -> Result<Self, ProtocolError> {
        match kind {
            0 => Ok(Self::None),
            1 => Ok(Self::Inline),
            2 => Ok(Self::Descriptor),
            _ => Err(ProtocolError::UnknownPayloadKind { kind }),
        }
    }
}

/// What a message must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Nothing.
    Nothing,
    /// Bytes.
    Inline,
    /// Bytes, or nothing.
    InlineOrNothing,
    /// A descriptor.
    Descriptor,
    /// A descriptor if the two sides pass descriptors, otherwise bytes.
    DescriptorOrInline,
}

impl Carries {
    pub(crate) fn admits(self, kind: PayloadKind) -> bool {
        match kind {
            PayloadKind::None => matches!(self, Self::Nothing | Self::InlineOrNothing),
            PayloadKind::Inline => matches!(self, Self::Inline | Self::InlineOrNothing | Self::DescriptorOrInline),
            PayloadKind::Descriptor => matches!(self, Self::Descriptor | Self::DescriptorOrInline),
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Nothing => "no payload",
            Self::Inline => "an inline payload",
            Self::InlineOrNothing => "an inline payload or none",
            Self::Descriptor => "a descriptor",
            Self::DescriptorOrInline => "a descriptor or an inline payload",
        }
    }
}

/// A payload.
#[derive(Debug)]
pub enum Payload {
    /// Nothing.
    None,
    /// Bytes, at most [`crate::limits::INLINE_MAX`].
    Inline(Vec<u8>),
    /// Shared memory, of which `length` bytes are used.
    Descriptor {
        /// The memory.
        descriptor: OwnedFd,
        /// Bytes used, from its start.
        length: u64,
    },
}

impl Payload {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> PayloadKind {
        match self {
            Self::None => PayloadKind::None,
            Self::Inline(_) => PayloadKind::Inline,
            Self::Descriptor { .. } => PayloadKind::Descriptor,
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Descriptor { length, .. } => *length,
        }
    }

    /// The inline bytes; empty without a payload. The payload's kind was checked when the message was read.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Inline(bytes) => bytes,
            Self::None | Self::Descriptor { .. } => Vec::new(),
        }
    }

    /// The descriptor and its length, or an error with the name of the message that must carry one.
    ///
    /// # Errors
    /// [`ProtocolError::WrongPayload`].
    pub fn into_descriptor(self, message: &'static str) -> Result<(OwnedFd, u64), ProtocolError> {
        match self {
            Self::Descriptor { descriptor, length } => Ok((descriptor, length)),
            _ => Err(ProtocolError::WrongPayload { message, expected: Carries::Descriptor.words() }),
        }
    }
}
