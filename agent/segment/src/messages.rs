//! Splits a byte stream that may be cut anywhere into Arrow IPC messages, without copying a message that lies whole in
//! one buffer. Every length is checked before memory is allocated for it; the decoder checks the content of a message.

use crate::budget::{Budget, OverBudget, Taken};
use crate::error::SegmentError;
use arrow_buffer::Buffer;
use arrow_ipc::{Message, root_as_message_with_opts};
use flatbuffers::VerifierOptions;

/// Longest metadata of a message, in bytes: 100,000 columns at 300 bytes each, doubled.
const METADATA_MAX: u64 = 64 << 20;

/// Metadata of a message besides that of its columns, in bytes: a table's own notes, such as pandas makes.
const METADATA_BASE: u64 = 1 << 20;

/// Metadata for each column, in bytes: a name, a type and notes in a schema; 16 bytes a buffer elsewhere.
const METADATA_COLUMN: u64 = 1 << 10;

/// What the tables and texts of a message may come to where they are shared, as a multiple of its bytes: honest ones
/// share little more than the layouts of their tables.
const SHARED_MAX: usize = 8;

/// How much a message that is collected grows by, in parts of what there is.
const GROWTH: usize = 4;

/// The marker in front of every message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Bytes of the marker and the metadata's length.
const PREFIX_BYTES: usize = 8;

/// A whole message.
#[derive(Debug)]
pub(crate) struct RawMessage {
    metadata: Buffer,
    pub(crate) body: Buffer,
    /// The memory of both, if they were collected.
    pub(crate) memory: Option<Taken>,
}

impl RawMessage {
    pub(crate) fn message(&self) -> Result<Message<'_>, SegmentError> {
        parse(&self.metadata)
    }

    pub(crate) fn metadata_bytes(&self) -> u64 {
        self.metadata.len() as u64
    }
}

/// Splits a byte stream into messages.
#[derive(Debug)]
pub(crate) struct Splitter {
    pending: Pending,
    metadata_max: u64,
    body_max: u64,
    finished: bool,
}

/// The bytes of an incomplete message.
#[derive(Debug)]
struct Pending {
    bytes: Vec<u8>,
    memory: Option<Taken>,
    budget: Budget,
    /// The information in its first bytes.
    known: Option<Extent>,
}

impl Pending {
    /// Adds bytes of a message of `needed` bytes in all.
    fn add(&mut self, bytes: &[u8], needed: usize) -> Result<(), OverBudget> {
        let length = self.bytes.len() + bytes.len();
        if length > self.bytes.capacity() {
            let room = length.max(self.bytes.len() + self.bytes.len() / GROWTH).min(needed.max(length));
            match &mut self.memory {
                Some(memory) => memory.resize(room as u64)?,
                none => *none = Some(self.budget.take(room as u64)?),
            }
            let failed = |_| OverBudget { wanted: room as u64, limit: self.budget.limit() };
            self.bytes.try_reserve_exact(room - self.bytes.len()).map_err(failed)?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn take(&mut self) -> (Buffer, Option<Taken>) {
        self.known = None;
        (Buffer::from_vec(std::mem::take(&mut self.bytes)), self.memory.take())
    }
}

/// What is known of a message from its first bytes.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// At least this many bytes are needed to know more.
    AtLeast(usize),
    /// Its metadata ends here and its body there.
    Whole { metadata_end: usize, end: usize },
    /// It is the end of the stream.
    EndOfStream,
}

impl Splitter {
    /// Messages with bodies of up to `body_max` bytes. Those that arrive in pieces are collected within the budget.
    pub(crate) fn new(body_max: u64, budget: Budget) -> Self {
        let pending = Pending { bytes: Vec::new(), memory: None, budget, known: None };
        Self { pending, metadata_max: METADATA_MAX, body_max, finished: false }
    }

    /// Holds the messages to metadata for so many columns, nested ones among them.
    ///
    /// # Errors
    /// [`SegmentError::MessageTooLarge`] where the schema itself, of `length` bytes, has more.
    pub(crate) fn expect_columns(&mut self, columns: usize, length: u64) -> Result<(), SegmentError> {
        let most = METADATA_BASE.saturating_add(METADATA_COLUMN.saturating_mul(columns as u64));
        self.metadata_max = most.min(METADATA_MAX);
        if length > self.metadata_max {
            return Err(SegmentError::MessageTooLarge { length, limit: self.metadata_max });
        }
        Ok(())
    }

    /// The next message; `None` when all of `bytes` is used up without completing one.
    pub(crate) fn next(&mut self, bytes: &mut Buffer) -> Result<Option<RawMessage>, SegmentError> {
        loop {
            if self.finished {
                let clean = bytes.is_empty();
                return if clean { Ok(None) } else { Err(SegmentError::bad_stream("bytes follow its end")) };
            }
            let collected = !self.pending.bytes.is_empty();
            let known = if collected { self.pending.bytes.as_slice() } else { bytes.as_slice() };
            let extent = match self.pending.known {
                Some(extent) => extent,
                None => extent(known, self.metadata_max, self.body_max)?,
            };
            match extent {
                Extent::EndOfStream => {
                    self.take(PREFIX_BYTES, bytes);
                    self.finished = true;
                }
                Extent::Whole { metadata_end, end } if known.len() >= end => {
                    let (whole, memory) = self.take(end, bytes);
                    let metadata = whole.slice_with_length(PREFIX_BYTES, metadata_end - PREFIX_BYTES);
                    let body = whole.slice_with_length(metadata_end, end - metadata_end);
                    return Ok(Some(RawMessage { metadata, body, memory }));
                }
                Extent::Whole { .. } | Extent::AtLeast(_) if bytes.is_empty() => return Ok(None),
                Extent::Whole { end: needed, .. } | Extent::AtLeast(needed) => {
                    let missing = bytes.len().min(needed - self.pending.bytes.len());
                    self.pending.add(&bytes.as_slice()[..missing], needed)?;
                    // A message's metadata is looked at once, in however many pieces its body comes.
                    self.pending.known = Some(extent).filter(|extent| matches!(extent, Extent::Whole { .. }));
                    bytes.advance(missing);
                }
            }
        }
    }

    /// Takes a message's bytes from where they lie: all in the pending ones, or all in `bytes`.
    fn take(&mut self, length: usize, bytes: &mut Buffer) -> (Buffer, Option<Taken>) {
        if !self.pending.bytes.is_empty() {
            return self.pending.take();
        }
        let taken = bytes.slice_with_length(0, length);
        bytes.advance(length);
        (taken, None)
    }

    /// Whether its end marker has arrived.
    pub(crate) fn has_ended(&self) -> bool {
        self.finished
    }

    /// Whether the stream may end here, between messages.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.pending.bytes.is_empty()
    }
}

/// Bytes of the message at the start of these, if they hold all of it.
#[must_use]
pub fn first_message(bytes: &[u8]) -> Option<usize> {
    match extent(bytes, METADATA_MAX, u64::MAX) {
        Ok(Extent::Whole { end, .. }) if end <= bytes.len() => Some(end),
        _ => None,
    }
}

fn extent(bytes: &[u8], metadata_max: u64, body_max: u64) -> Result<Extent, SegmentError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(Extent::AtLeast(PREFIX_BYTES));
    };
    let (marker, length) = prefix.split_at(4);
    if marker != CONTINUATION {
        return Err(SegmentError::bad_stream("a message does not begin with the continuation marker"));
    }
    let metadata_length = u32::from_le_bytes(length.try_into().expect("four of eight bytes"));
    if metadata_length == 0 {
        return Ok(Extent::EndOfStream);
    }
    if u64::from(metadata_length) > metadata_max {
        return Err(SegmentError::MessageTooLarge { length: metadata_length.into(), limit: metadata_max });
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
    let shown = metadata.len().saturating_mul(SHARED_MAX).saturating_add(64 << 10);
    let options = VerifierOptions { max_apparent_size: shown, ..VerifierOptions::default() };
    root_as_message_with_opts(&options, metadata)
        .map_err(|error| SegmentError::bad_stream(format!("broken message: {error}")))
}
