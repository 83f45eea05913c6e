//! Arrow IPC messages out of a byte stream that is cut anywhere, without copying where a message lies whole in one
//! buffer. Every length is checked before memory is set aside for it; what is inside a message is the decoder's.

use crate::error::SegmentError;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::{Message, root_as_message};

/// Longest metadata of a message, in bytes: 100,000 columns at 300 bytes each, doubled.
const METADATA_MAX: u64 = 64 << 20;

/// The marker in front of every message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Bytes of the marker and the metadata's length.
const PREFIX_BYTES: usize = 8;

/// A whole message.
#[derive(Debug)]
pub(crate) struct RawMessage {
    metadata: Buffer,
    pub(crate) body: Buffer,
}

impl RawMessage {
    pub(crate) fn message(&self) -> Result<Message<'_>, SegmentError> {
        parse(&self.metadata)
    }
}

/// Splits a byte stream into messages.
#[derive(Debug)]
pub(crate) struct Splitter {
    pending: MutableBuffer,
    body_max: u64,
    finished: bool,
}

/// What is known of a message from its first bytes.
enum Extent {
    /// At least so many bytes are needed to know more.
    AtLeast(usize),
    /// Its metadata ends here and its body there.
    Whole { metadata_end: usize, end: usize },
    /// It is the end of the stream.
    EndOfStream,
}

impl Splitter {
    /// Messages with bodies of up to `body_max` bytes.
    pub(crate) fn new(body_max: u64) -> Self {
        Self { pending: MutableBuffer::new(0), body_max, finished: false }
    }

    /// The next message; `None` when all of `bytes` is used up without completing one.
    pub(crate) fn next(&mut self, bytes: &mut Buffer) -> Result<Option<RawMessage>, SegmentError> {
        loop {
            if self.finished {
                let clean = bytes.is_empty();
                return if clean { Ok(None) } else { Err(SegmentError::bad_stream("bytes follow its end")) };
            }
            let known = if self.pending.is_empty() { bytes.as_slice() } else { self.pending.as_slice() };
            match extent(known, self.body_max)? {
                Extent::EndOfStream => {
                    self.take(PREFIX_BYTES, bytes);
                    self.finished = true;
                }
                Extent::Whole { metadata_end, end } if known.len() >= end => {
                    let whole = self.take(end, bytes);
                    let metadata = whole.slice_with_length(PREFIX_BYTES, metadata_end - PREFIX_BYTES);
                    let body = whole.slice_with_length(metadata_end, end - metadata_end);
                    return Ok(Some(RawMessage { metadata, body }));
                }
                Extent::Whole { .. } | Extent::AtLeast(_) if bytes.is_empty() => return Ok(None),
                Extent::Whole { end: needed, .. } | Extent::AtLeast(needed) => {
                    let missing = bytes.len().min(needed - self.pending.len());
                    self.pending.extend_from_slice(&bytes.as_slice()[..missing]);
                    bytes.advance(missing);
                }
            }
        }
    }

    /// Takes a message's bytes from where they lie: all in the pending ones, or all in `bytes`.
    fn take(&mut self, length: usize, bytes: &mut Buffer) -> Buffer {
        if !self.pending.is_empty() {
            return std::mem::replace(&mut self.pending, MutableBuffer::new(0)).into();
        }
        let taken = bytes.slice_with_length(0, length);
        bytes.advance(length);
        taken
    }

    /// Whether the stream may end here: between messages.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.pending.is_empty()
    }
}

fn extent(bytes: &[u8], body_max: u64) -> Result<Extent, SegmentError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(Extent::AtLeast(PREFIX_BYTES));
    };
    let (marker, length) = prefix.split_at(4);
    if marker != CONTINUATION {
        return Err(SegmentError::bad_stream("a message does not start with the continuation marker"));
    }
    let metadata_length = u32::from_le_bytes(length.try_into().expect("four of eight bytes"));
    if metadata_length == 0 {
        return Ok(Extent::EndOfStream);
    }
    if u64::from(metadata_length) > METADATA_MAX {
        return Err(SegmentError::MessageTooLarge { length: metadata_length.into(), limit: METADATA_MAX });
    }
    let metadata_length = metadata_length as usize;
    let metadata_end = PREFIX_BYTES + metadata_length;
    let Some(metadata) = rest.get(..metadata_length) else {
        return Ok(Extent::AtLeast(metadata_end));
    };
    let body_length = parse(metadata)?.bodyLength();
    let body = u64::try_from(body_length)
        .map_err(|_| SegmentError::bad_stream(format!("a message has a body of {body_length} bytes")))?;
    if body > body_max {
        return Err(SegmentError::MessageTooLarge { length: body, limit: body_max });
    }
    let body = usize::try_from(body).map_err(|_| SegmentError::MessageTooLarge { length: body, limit: body_max })?;
    Ok(Extent::Whole { metadata_end, end: metadata_end + body })
}

fn parse(metadata: &[u8]) -> Result<Message<'_>, SegmentError> {
    root_as_message(metadata).map_err(|error| SegmentError::bad_stream(format!("broken message: {error}")))
}
