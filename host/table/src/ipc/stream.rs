//! An Arrow stream, message by message, up to its end-of-stream marker. A stream without the marker was cut short.

use super::decode::Decoder;
use super::fault::Fault;
use super::message::{CONTINUATION, METADATA_MAX, RawMessage};
use super::schema;
use crate::room::Room;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::MessageHeader;
use arrow_schema::SchemaRef;
use std::io::{ErrorKind, Read};

/// Bytes of a body that are allocated at once; a larger body grows as its bytes arrive.
const BODY_AT_ONCE: u64 = 64 << 20;

/// An Arrow stream, batch by batch.
pub(crate) struct IpcStream<R> {
    text: R,
    decoder: Decoder,
    ended: bool,
    /// The memory of the current message.
    room: Room,
}

impl<R> std::fmt::Debug for IpcStream<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IpcStream").field("schema", &self.decoder.schema).finish_non_exhaustive()
    }
}

/// Whether these may be the first bytes of a stream: since version 0.15 the mark before every message; before it, the
/// length of the schema, which is short and a multiple of four.
pub(crate) fn starts_a_stream(head: &[u8]) -> bool {
    let Some(first) = head.first_chunk::<4>() else { return false };
    let length = u32::from_le_bytes(*first);
    *first == CONTINUATION || (8..1 << 24).contains(&length) && length % 4 == 0 && head.contains(&0)
}

impl<R: Read> IpcStream<R> {
    /// Reads the schema.
    ///
    /// # Errors
    /// If the stream is invalid.
    pub(crate) fn open(mut text: R) -> Result<Self, Fault> {
        let mut room = Room::default();
        let raw = read_message(&mut text, &mut room)?.ok_or("it ends before its schema")?;
        let message = raw.message()?;
        let schema = match message.header_type() {
            MessageHeader::Schema => message.header_as_schema(),
            _ => None,
        };
        let decoder = Decoder::new(schema::checked(schema.ok_or("it does not begin with a schema")?)?);
        Ok(Self { text, decoder, ended: false, room })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.decoder.schema)
    }

    /// The next batch, `None` at the end-of-stream marker.
    ///
    /// # Errors
    /// If it, or the data after the end, is invalid.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, Fault> {
        while !self.ended {
            match read_message(&mut self.text, &mut self.room)? {
                None => {
                    self.ended = true;
                    check_nothing_follows(&mut self.text)?;
                }
                Some(raw) => {
                    if let Some(batch) = self.decoder.read(&raw)? {
                        return Ok(Some(batch));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// The next message; `None` at the end-of-stream marker.
fn read_message(text: &mut impl Read, room: &mut Room) -> Result<Option<RawMessage>, Fault> {
    let cut = "it ends without an end-of-stream marker: it was cut short, or its writer did not close it";
    let mut word = [0; 4];
    if !read_exact(text, &mut word)? {
        return Err(cut.into());
    }
    let prefix = if word == CONTINUATION { 8 } else { 4 };
    if word == CONTINUATION && !read_exact(text, &mut word)? {
        return Err(cut.into());
    }
    let length = usize::try_from(u32::from_le_bytes(word)).unwrap_or(usize::MAX);
    if length == 0 {
        return Ok(None);
    }
    // Bodies begin at multiples of eight bytes.
    if length > METADATA_MAX || (length + prefix) % 8 != 0 {
        return Err(format!("a message claims {length} bytes of metadata").into());
    }
    let metadata = read_up_to(text, length as u64, room)?;
    if metadata.len() < length {
        return Err(cut.into());
    }
    let mut raw = RawMessage { metadata, body: Buffer::from_vec(Vec::<u8>::new()) };
    let length = raw.message()?.bodyLength();
    let length = u64::try_from(length).map_err(|_| format!("a message claims a body of {length} bytes"))?;
    let body = read_up_to(text, length, room)?;
    if (body.len() as u64) < length {
        return Err(cut.into());
    }
    raw.body = Buffer::from_vec(body);
    Ok(Some(raw))
}

/// Padding may follow the end, but no second table.
fn check_nothing_follows(text: &mut impl Read) -> Result<(), Fault> {
    let behind = read_up_to(text, 64, &mut Room::default())?;
    if behind.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err("there is more data after its end: streams cannot be concatenated, give each as its own file".into())
}

/// Fills the word. Returns `false` if the text has ended.
fn read_exact(text: &mut impl Read, word: &mut [u8; 4]) -> Result<bool, String> {
    match text.read_exact(word) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

fn read_up_to(text: &mut impl Read, length: u64, room: &mut Room) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    loop {
        let wanted = (length - bytes.len() as u64).min(BODY_AT_ONCE);
        bytes.try_reserve(usize::try_from(wanted).unwrap_or(usize::MAX)).map_err(|error| error.to_string())?;
        room.hold(bytes.capacity() as u64)?;
        let read = text.by_ref().take(wanted).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if read == 0 || bytes.len() as u64 == length {
            return Ok(bytes);
        }
    }
}
