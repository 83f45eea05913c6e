//! The state of a frame that is being sent, without I/O: which bytes are left, and whether its descriptor is still to
//! be passed. A socket accepts as many bytes as fit its buffer; the descriptor is passed with the first byte, once. The
//! blocking connection, the agent's loop and the host's tasks use it.

use crate::error::ProtocolError;
use crate::frame::{Frame, HEADER_BYTES};
use crate::payload::Payload;
use std::os::fd::{AsFd, BorrowedFd};

/// A frame, and how much of it has been sent.
#[derive(Debug)]
pub struct Sending {
    header: [u8; HEADER_BYTES],
    frame: Frame,
    /// Bytes sent of header, message and inline payload together.
    sent: usize,
}

impl Sending {
    /// A frame of which nothing has been sent.
    ///
    /// # Errors
    /// The frame breaks a limit.
    pub fn new(frame: Frame) -> Result<Self, ProtocolError> {
        Ok(Self { header: frame.encode_header()?, frame, sent: 0 })
    }

    /// The unsent parts of the header, the message and the inline payload.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 3] {
        let mut skip = self.sent;
        self.all().map(|part| {
            let (sent, left) = part.split_at(skip.min(part.len()));
            skip -= sent.len();
            left
        })
    }

    /// The descriptor, until the first byte has been sent.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.frame.payload {
            Payload::Descriptor { descriptor, .. } if self.sent == 0 => Some(descriptor.as_fd()),
            Payload::Descriptor { .. } | Payload::None | Payload::Inline(_) => None,
        }
    }

    /// Counts bytes that a socket has accepted.
    pub fn advance(&mut self, sent: usize) {
        self.sent += sent;
    }

    /// Whether all of it has been sent.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.sent >= self.all().iter().map(|part| part.len()).sum()
    }

    fn all(&self) -> [&[u8]; 3] {
        let inline: &[u8] = if let Payload::Inline(bytes) = &self.frame.payload { bytes } else { &[] };
        [&self.header, &self.frame.message, inline]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{ArenaId, StreamId};
    use crate::to_script::ToScript;

    #[test]
    fn a_socket_may_take_a_frame_in_pieces_of_any_size() {
        let data = ToScript::Data { stream: StreamId(1) };
        let new = || Sending::new(Frame::with(&data, Payload::Inline((0..100).collect()))).unwrap();
        let whole = new().parts().concat();
        for piece in 1..=whole.len() {
            let mut sending = new();
            let mut sent = Vec::new();
            while !sending.is_done() {
                let left = sending.parts().concat();
                let taken = piece.min(left.len());
                sent.extend_from_slice(&left[..taken]);
                sending.advance(taken);
            }
            assert_eq!(sent, whole, "{piece} bytes at a time");
        }
    }

    #[test]
    fn a_descriptor_goes_with_the_first_byte_alone() {
        let descriptor = std::fs::File::open("/dev/null").unwrap().into();
        let lend = ToScript::Lend { arena: ArenaId(0) };
        let mut sending = Sending::new(Frame::with(&lend, Payload::Descriptor { descriptor, length: 64 })).unwrap();
        assert!(sending.descriptor().is_some());
        sending.advance(1);
        assert!(sending.descriptor().is_none() && !sending.is_done());
    }
}
