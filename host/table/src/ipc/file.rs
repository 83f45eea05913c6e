//! An Arrow file: the positions of its messages in the footer, checked against the file.

use super::decode::Decoder;
use super::fault::Fault;
use super::message::{CONTINUATION, METADATA_MAX, RawMessage, parse};
use super::schema;
use crate::room::{Room, set_aside};
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::{Block, MessageHeader, root_as_footer};
use arrow_schema::SchemaRef;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// The first and the last bytes.
pub(crate) const MAGIC: &[u8] = b"ARROW1";

/// The magic at the start with its padding.
const HEAD: u64 = 8;

/// The range in which the first message is searched: after a schema of some hundred thousand columns.
const SCHEMA_MAX: u64 = 64 << 20;

/// Bytes that usually contain the first message: more are read only if they do not.
const SCHEMA_USUAL: u64 = 64 << 10;

/// The length of the footer and the magic after it.
const TAIL: u64 = 10;

/// An Arrow file, batch by batch.
#[derive(Debug)]
pub(crate) struct IpcFile {
    pub(super) file: File,
    decoder: Decoder,
    pub(super) dictionaries: Vec<Place>,
    pub(super) batches: Vec<Place>,
    /// Rows of all batches, by their metadata.
    rows: u64,
    next: usize,
    /// The memory of the current message.
    room: Room,
}

/// The place of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) metadata: u64,
    pub(super) body: u64,
}

impl IpcFile {
    /// Reads the footer and each message's metadata.
    ///
    /// # Errors
    /// If the file is invalid.
    pub(crate) fn open(mut file: File) -> Result<Self, Fault> {
        let length = file.seek(SeekFrom::End(0)).map_err(|error| error.to_string())?;
        let cut = || "it ends without a footer: it was cut short, or its writer did not close it".to_owned();
        if length < HEAD + TAIL {
            return Err(cut().into());
        }
        let tail = read(&mut file, length - TAIL, TAIL)?;
        if &tail[4..] != MAGIC {
            return Err(cut().into());
        }
        let footer_length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
        let end = length - TAIL;
        let start = end.checked_sub(u64::from(footer_length)).filter(|start| *start >= HEAD);
        let start = start.filter(|start| end - start <= METADATA_MAX as u64);
        let start = start.ok_or_else(|| format!("invalid footer length: {footer_length} bytes"))?;
        let footer = read(&mut file, start, end - start)?;
        let footer = root_as_footer(&footer).map_err(|_| "its footer is damaged")?;
        let decoder = Decoder::new(schema::checked(footer.schema().ok_or("its footer has no schema")?)?);
        let places = |blocks: Option<flatbuffers::Vector<'_, Block>>| {
            blocks.into_iter().flatten().map(|block| place(block, start)).collect::<Result<Vec<_>, _>>()
        };
        let (dictionaries, batches) = (places(footer.dictionaries())?, places(footer.recordBatches())?);
        let mut opened = Self { file, decoder, dictionaries, batches, rows: 0, next: 0, room: Room::default() };
        opened.walk(start)?;
        Ok(opened)
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.decoder.schema)
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The next batch, `None` after the last.
    ///
    /// # Errors
    /// If it is invalid.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, Fault> {
        for place in std::mem::take(&mut self.dictionaries) {
            let raw = self.message(place)?;
            if self.decoder.read(&raw)?.is_some() {
                return Err("its footer lists a dictionary where a batch is".into());
            }
        }
        let Some(place) = self.batches.get(self.next).copied() else { return Ok(None) };
        self.next += 1;
        let raw = self.message(place)?;
        match self.decoder.read(&raw)? {
            Some(batch) => Ok(Some(batch)),
            None => Err("its footer lists a batch where a dictionary is".into()),
        }
    }

    /// A message's metadata.
    pub(super) fn metadata(&mut self, place: Place) -> Result<Vec<u8>, String> {
        let mut metadata = read(&mut self.file, place.offset, place.metadata)?;
        let prefix = if metadata.starts_with(&CONTINUATION) { 8 } else { 4 };
        let Some(length) = metadata.get(prefix - 4..prefix).and_then(|bytes| bytes.first_chunk::<4>()) else {
            return Err("a message in it is damaged".into());
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length == 0 || length > metadata.len() - prefix || metadata.len() % 8 != 0 {
            return Err(format!("a message claims {length} bytes of metadata"));
        }
        metadata.drain(..prefix);
        Ok(metadata)
    }

    /// Follows the messages one by one to the footer, which must list each of them exactly once: otherwise rows would
    /// be lost, or read twice.
    fn walk(&mut self, footer: u64) -> Result<(), String> {
        let (mut dictionaries, mut batches) = (Vec::new(), Vec::new());
        let mut offset = self.first_message(footer)?;
        while let Some((place, message)) = self.message_at(offset, footer)? {
            let message = parse(&message)?;
            let end = place.offset.checked_add(place.metadata).and_then(|end| end.checked_add(place.body));
            offset = end.filter(|end| *end <= footer).ok_or("a message extends past the footer")?;
            match message.header_type() {
                MessageHeader::RecordBatch => {
                    let batch = message.header_as_record_batch();
                    let rows = batch.and_then(|batch| u64::try_from(batch.length()).ok());
                    self.rows += rows.ok_or("a batch has a negative number of rows")?;
                    batches.push(place);
                }
                MessageHeader::DictionaryBatch => dictionaries.push(place),
                _ => {}
            }
        }
        let named = |places: &[Place]| places.iter().copied().collect::<BTreeSet<_>>();
        let same = |named_ones: &[Place], found: &[Place]| {
            named_ones.len() == found.len() && named(named_ones) == named(found)
        };
        if same(&self.dictionaries, &dictionaries) && same(&self.batches, &batches) {
            return Ok(());
        }
        let (named, found) = (self.dictionaries.len() + self.batches.len(), dictionaries.len() + batches.len());
        Err(format!("its footer lists {named} messages, but the file has {found}, or has them elsewhere"))
    }

    /// The place of the first message: some writers align it after the magic, and some write a bare schema before it.
    fn first_message(&mut self, footer: u64) -> Result<u64, String> {
        let most = (footer - HEAD).min(SCHEMA_MAX);
        let mut length = most.min(SCHEMA_USUAL);
        loop {
            let head = read(&mut self.file, HEAD, length)?;
            match first_in(&head, length == most) {
                Some(at) => return Ok(HEAD + at as u64),
                None if length == most => return Ok(HEAD + most),
                None => length = most.min(length * 8),
            }
        }
    }

    /// The message at a place; `None` at the end-of-stream marker, or at the footer of files without one.
    fn message_at(&mut self, offset: u64, footer: u64) -> Result<Option<(Place, Vec<u8>)>, String> {
        let Some(left) = footer.checked_sub(offset).filter(|left| *left >= 4) else { return Ok(None) };
        let prefix = read(&mut self.file, offset, left.min(8))?;
        let modern = prefix.starts_with(&CONTINUATION);
        let word = if modern { prefix.get(4..8) } else { prefix.get(..4) };
        let Some(word) = word.and_then(|word| word.first_chunk::<4>()) else { return Ok(None) };
        let length = u64::from(u32::from_le_bytes(*word));
        if length == 0 {
            return Ok(None);
        }
        let start = if modern { 8 } else { 4 };
        if length > left - start || length > METADATA_MAX as u64 || (length + start) % 8 != 0 {
            return Err(format!("a message claims {length} bytes of metadata"));
        }
        let metadata = read(&mut self.file, offset + start, length)?;
        let body = parse(&metadata)?.bodyLength();
        let body = u64::try_from(body).map_err(|_| format!("a message claims a body of {body} bytes"))?;
        Ok(Some((Place { offset, metadata: start + length, body }, metadata)))
    }

    fn message(&mut self, place: Place) -> Result<RawMessage, Fault> {
        let metadata = self.metadata(place)?;
        self.room.hold(place.body)?;
        let body = read(&mut self.file, place.offset + place.metadata, place.body)?;
        Ok(RawMessage { metadata, body: Buffer::from_vec(body) })
    }
}

/// The position of the first message within the first bytes; `None` if they do not contain all of it. With `all`, no
/// more bytes will be searched.
fn first_in(head: &[u8], all: bool) -> Option<usize> {
    let legacy = head.first_chunk::<4>().is_some_and(|word| *word != [0; 4]);
    let marks = (0..head.len()).step_by(8).filter(|at| head[*at..].starts_with(&CONTINUATION) || *at == 0 && legacy);
    for at in marks {
        let bytes = &head[at..];
        let start = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
        let word = bytes.get(start - 4..start).and_then(|word| word.first_chunk::<4>())?;
        let length = usize::try_from(u32::from_le_bytes(*word)).ok()?;
        // The end-of-stream marker is not a message, but also ends the search.
        if length == 0 {
            return Some(at);
        }
        let Some(end) = start.checked_add(length).filter(|end| end % 8 == 0 && length <= METADATA_MAX) else {
            continue;
        };
        match bytes.get(start..end) {
            Some(metadata) if parse(metadata).is_ok_and(|message| message.header_type() != MessageHeader::NONE) => {
                return Some(at);
            }
            // A longer one may be a message, or bytes of the bare schema: more of the file is needed to decide.
            None if start == 8 && !all => return None,
            _ => {}
        }
    }
    None
}

/// A message's place, which must be before the footer.
fn place(block: &Block, footer: u64) -> Result<Place, String> {
    let within = || {
        let offset = u64::try_from(block.offset()).ok().filter(|offset| *offset >= HEAD)?;
        let metadata = u64::try_from(block.metaDataLength()).ok()?;
        let body = u64::try_from(block.bodyLength()).ok()?;
        let end = offset.checked_add(metadata)?.checked_add(body)?;
        let fits = metadata >= 8 && metadata <= METADATA_MAX as u64 && end <= footer;
        fits.then_some(Place { offset, metadata, body })
    };
    within().ok_or_else(|| {
        let (offset, length) = (block.offset(), block.bodyLength());
        format!("its footer lists a message of {length} bytes at the invalid position {offset}")
    })
}

/// Reads bytes of the file, whose positions have been checked against its length.
fn read(file: &mut File, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let text = |error: std::io::Error| error.to_string();
    file.seek(SeekFrom::Start(offset)).map_err(text)?;
    let mut bytes = set_aside(length)?;
    file.by_ref().take(length).read_to_end(&mut bytes).map_err(text)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err("it became shorter while it was being read".into()) }
}
