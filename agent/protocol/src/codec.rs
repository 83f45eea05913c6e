//! Decodes frames from bytes, without I/O. Bytes and descriptors are pushed in as they arrive; complete frames are
//! returned. Header lengths are checked before any byte of the body is awaited.

use crate::error::ProtocolError;
use crate::frame::{Frame, HEADER_BYTES, Header};
use crate::limits::DESCRIPTORS_MAX;
use crate::payload::{Payload, PayloadKind};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// An incremental frame decoder. It cannot be used after an error: the frame boundaries are lost.
#[derive(Debug)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Offset of the first unread byte in `bytes`.
    start: usize,
    descriptors: VecDeque<OwnedFd>,
    /// Whether the two sides pass descriptors.
    passes_descriptors: bool,
    header: Option<Header>,
}

impl Decoder {
    /// An empty decoder for a connection that passes descriptors.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, descriptors: VecDeque::new(), passes_descriptors: true, header: None }
    }

    /// Makes every later descriptor an error.
    pub(crate) fn refuse_descriptors(&mut self) {
        self.passes_descriptors = false;
    }

    pub(crate) fn passes_descriptors(&self) -> bool {
        self.passes_descriptors
    }

    /// Takes bytes in the order in which they arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes a descriptor that arrived with the bytes pushed next.
    ///
    /// # Errors
    /// [`ProtocolError::UnexpectedDescriptor`] when more descriptors wait than a correct sender could announce,
    /// [`ProtocolError::DescriptorsNotNegotiated`].
    pub(crate) fn push_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), ProtocolError> {
        if !self.passes_descriptors {
            return Err(ProtocolError::DescriptorsNotNegotiated);
        }
        if self.descriptors.len() >= DESCRIPTORS_MAX {
            return Err(ProtocolError::UnexpectedDescriptor);
        }
        self.descriptors.push_back(descriptor);
        Ok(())
    }

    /// The next complete frame, or `None` until more bytes have arrived.
    ///
    /// # Errors
    /// Any violation of the protocol by the peer.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let header = match self.header {
            Some(header) => header,
            None => {
                let Some(bytes) = self.bytes[self.start..].first_chunk::<HEADER_BYTES>() else {
                    return self.check_idle();
                };
                let header = Header::decode(*bytes)?;
                if header.kind == PayloadKind::Descriptor && !self.passes_descriptors {
                    return Err(ProtocolError::DescriptorsNotNegotiated);
                }
                self.start += HEADER_BYTES;
                *self.header.insert(header)
            }
        };
        let message_length = length(header.message_length);
        let inline_length = match header.kind {
            PayloadKind::Inline => length(header.payload_length),
            PayloadKind::None | PayloadKind::Descriptor => 0,
        };
        let Some(body) = self.bytes[self.start..].get(..message_length + inline_length) else {
            return Ok(None);
        };
        let (message, inline) = body.split_at(message_length);
        let message = message.to_vec();
        let payload = match header.kind {
            PayloadKind::None => Payload::None,
            PayloadKind::Inline => Payload::Inline(inline.to_vec()),
            PayloadKind::Descriptor => Payload::Descriptor {
                descriptor: self.descriptors.pop_front().ok_or(ProtocolError::MissingDescriptor)?,
                length: header.payload_length,
            },
        };
        self.start += message_length + inline_length;
        self.header = None;
        Ok(Some(Frame { message, payload }))
    }

    /// Whether the peer may close the connection here: between frames.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.header.is_none() && self.start == self.bytes.len()
    }

    fn check_idle(&self) -> Result<Option<Frame>, ProtocolError> {
        if self.is_between_frames() && !self.descriptors.is_empty() {
            return Err(ProtocolError::UnexpectedDescriptor);
        }
        Ok(None)
    }
}

fn length(checked: u64) -> usize {
    usize::try_from(checked).expect("the header's lengths are checked against limits below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::{Hello, Role};
    use crate::limits::{INLINE_MAX, MESSAGE_MAX};
    use crate::message::Message;
    use crate::software::Software;
    use crate::version::VersionRange;

    fn hello() -> Hello {
        Hello {
            role: Role::Agent,
            protocol: VersionRange::SUPPORTED,
            software: Software { name: "longshore-agent".into(), version: "0.1.0".into() },
            descriptors: true,
            capabilities: Vec::new(),
        }
    }

    fn bytes(frame: &Frame) -> Vec<u8> {
        let mut bytes = frame.encode_header().unwrap().to_vec();
        bytes.extend_from_slice(&frame.message);
        if let Payload::Inline(inline) = &frame.payload {
            bytes.extend_from_slice(inline);
        }
        bytes
    }

    #[test]
    fn a_frame_survives_being_cut_anywhere() {
        let frame = Frame::with(&hello(), Payload::Inline(vec![7; 1000]));
        let whole = bytes(&frame);
        for cut in 0..whole.len() {
            let mut decoder = Decoder::new();
            decoder.push(&whole[..cut]);
            assert!(decoder.next_frame().unwrap().is_none(), "cut at {cut}");
            decoder.push(&whole[cut..]);
            let read = decoder.next_frame().unwrap().unwrap();
            assert_eq!(read.message, hello().to_json());
            assert_eq!(read.payload.into_bytes(), vec![7; 1000]);
            assert!(decoder.is_between_frames());
        }
    }

    #[test]
    fn lengths_are_checked_before_the_body_comes() {
        let mut header = bytes(&Frame::new(&hello()))[..HEADER_BYTES].to_vec();
        header[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut decoder = Decoder::new();
        decoder.push(&header);
        assert_eq!(
            decoder.next_frame().unwrap_err(),
            ProtocolError::MessageTooLong { length: u64::from(u32::MAX), limit: MESSAGE_MAX as u64 }
        );
        let too_long = Frame::with(&hello(), Payload::Inline(vec![0; INLINE_MAX + 1]));
        assert_eq!(
            too_long.encode_header().unwrap_err(),
            ProtocolError::PayloadTooLong { length: INLINE_MAX as u64 + 1, limit: INLINE_MAX as u64 }
        );
    }

    #[test]
    fn a_descriptor_without_its_frame_is_an_error() {
        let descriptor = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let mut decoder = Decoder::new();
        decoder.push_descriptor(descriptor()).unwrap();
        decoder.push(&bytes(&Frame::new(&hello())));
        assert!(decoder.next_frame().unwrap().is_some());
        assert_eq!(decoder.next_frame().unwrap_err(), ProtocolError::UnexpectedDescriptor);

        let mut decoder = Decoder::new();
        decoder.push(&bytes(&Frame::with(&hello(), Payload::Descriptor { descriptor: descriptor(), length: 64 })));
        assert_eq!(decoder.next_frame().unwrap_err(), ProtocolError::MissingDescriptor);
    }
}
