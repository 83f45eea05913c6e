//! Decodes messages from bytes, without I/O: the codec with the types of one direction. A connection pushes bytes and
//! descriptors in as they arrive, and takes complete messages out, each with a payload of an allowed kind.

use crate::codec::Decoder;
use crate::error::ProtocolError;
use crate::hello::Hello;
use crate::message::Message;
use crate::payload::Payload;
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

/// Reads the messages `M`. It cannot be used after an error: the frame boundaries are lost.
pub struct Reader<M> {
    decoder: Decoder,
    messages: PhantomData<fn() -> M>,
}

impl<M: Message> Reader<M> {
    /// A reader for the beginning of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self { decoder: Decoder::new(), messages: PhantomData }
    }

    /// Makes every later descriptor an error: the two sides have not agreed to pass any.
    pub fn refuse_descriptors(&mut self) {
        self.decoder.refuse_descriptors();
    }

    /// Whether descriptors pass, as far as negotiated.
    #[must_use]
    pub fn passes_descriptors(&self) -> bool {
        self.decoder.passes_descriptors()
    }

    /// Takes bytes in the order in which they arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    /// Takes a descriptor that arrived with the bytes pushed next.
    ///
    /// # Errors
    /// [`ProtocolError::UnexpectedDescriptor`] when more descriptors wait than a correct sender could announce,
    /// [`ProtocolError::DescriptorsNotNegotiated`].
    pub fn push_descriptor(&mut self, descriptor: OwnedFd) -> Result<(), ProtocolError> {
        self.decoder.push_descriptor(descriptor)
    }

    /// The next complete message with its payload, or `None` until more bytes have arrived.
    ///
    /// # Errors
    /// Any violation of the protocol by the peer.
    pub fn next_message(&mut self) -> Result<Option<(M, Payload)>, ProtocolError> {
        self.decoder.next_frame()?.map(|frame| frame.into_message()).transpose()
    }

    /// Whether the peer may close the connection here: between frames.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.decoder.is_between_frames()
    }
}

impl Reader<Hello> {
    /// The reader for the messages after Hello. Bytes that have arrived already are kept.
    #[must_use]
    pub fn greeted<M: Message>(self) -> Reader<M> {
        Reader { decoder: self.decoder, messages: PhantomData }
    }
}

impl<M: Message> Default for Reader<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> fmt::Debug for Reader<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::from_script::{FromScript, Place};
    use crate::hello::Role;
    use crate::sending::Sending;
    use crate::software::Software;
    use crate::stream::StreamId;
    use crate::version::VersionRange;

    fn bytes(frame: Frame) -> Vec<u8> {
        Sending::new(frame).unwrap().parts().concat()
    }

    #[test]
    fn what_follows_hello_is_kept_for_the_next_reader() {
        let software = Software { name: "test".into(), version: "0".into() };
        let hello = Hello {
            role: Role::Script,
            protocol: VersionRange::SUPPORTED,
            software,
            descriptors: true,
            capabilities: Vec::new(),
        };
        let mut together = bytes(Frame::new(&hello));
        together.extend(bytes(Frame::new(&FromScript::Borrow)));
        let mut reader = Reader::<Hello>::new();
        reader.push(&together);
        assert_eq!(reader.next_message().unwrap().unwrap().0, hello);
        let mut reader = reader.greeted::<FromScript>();
        assert_eq!(reader.next_message().unwrap().unwrap().0, FromScript::Borrow);
        assert!(reader.next_message().unwrap().is_none() && reader.is_between_frames());
    }

    #[test]
    fn a_message_carries_what_it_must_and_nothing_else() {
        let read = |message: &FromScript, payload| {
            let mut reader = Reader::<FromScript>::new();
            reader.push(&bytes(Frame::with(message, payload)));
            reader.next_message().map(|read| read.unwrap().1.into_bytes())
        };
        let data = FromScript::Data { stream: StreamId(1), place: Place::Inline };
        let end = FromScript::End { stream: StreamId(1) };
        assert_eq!(read(&data, Payload::Inline(vec![7])), Ok(vec![7]));
        assert_eq!(read(&end, Payload::None), Ok(Vec::new()));
        let wrong = |message, expected| Err(ProtocolError::WrongPayload { message, expected });
        assert_eq!(read(&data, Payload::None), wrong("data", "an inline payload"));
        assert_eq!(read(&end, Payload::Inline(vec![7])), wrong("end", "no payload"));
    }
}
