//! One IPC message: its metadata and its body, both checked before Arrow's reader sees them.

use super::fault::Fault;
use super::layout::{self, Piece};
use crate::room::{Room, check_unpacked};
use arrow_buffer::Buffer;
use arrow_ipc::{BodyCompressionMethod, CompressionType, Message, MessageHeader, RecordBatch};
use arrow_schema::DataType;
use std::ops::Range;

/// The four bytes before a message's length, since version 0.15 of Arrow.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];

/// Longest metadata of a message: a million columns take some hundred bytes each.
pub(super) const METADATA_MAX: usize = 256 << 20;

/// Maximum number of rows of a batch.
const ROWS_MAX: i64 = 1 << 40;

/// Maximum decompressed bytes for each byte of LZ4: a run of 255.
const LZ4_RATIO: u64 = 255;

/// Maximum decompressed bytes for each byte of Zstandard: a block of 128 KiB from four bytes.
const ZSTD_RATIO: u64 = (128 << 10) / 4;

/// Metadata key under which version 0.17 of Arrow compressed bodies, before there was a standard for it.
const EXPERIMENTAL_COMPRESSION: &str = "ARROW:experimental_compression";

/// A message.
#[derive(Debug)]
pub(super) struct RawMessage {
    pub(super) metadata: Vec<u8>,
    pub(super) body: Buffer,
}

impl RawMessage {
    /// The metadata, after a check.
    ///
    /// # Errors
    /// If it is invalid.
    pub(super) fn message(&self) -> Result<Message<'_>, String> {
        parse(&self.metadata)
    }

    /// Checks a message's content: a batch with columns of `types`, or a dictionary with values of its column's type.
    ///
    /// # Errors
    /// If it is invalid.
    pub(super) fn check<'a>(
        &self,
        message: &Message<'_>,
        types: impl Iterator<Item = &'a DataType>,
        dictionary_type: impl FnOnce(i64) -> Option<&'a DataType>,
        room: &mut Room,
    ) -> Result<(), Fault> {
        let mut pairs = message.custom_metadata().into_iter().flatten();
        if pairs.any(|pair| pair.key() == Some(EXPERIMENTAL_COMPRESSION)) {
            let reason = "it is compressed as Arrow 0.17 did before the standard: read it with that version's library and \
                          write it again";
            return Err(Fault::Unreadable(reason.into()));
        }
        match message.header_type() {
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or("a batch without its content")?;
                let pieces = pieces(&batch, &self.body, room)?;
                Ok(layout::check(types, &batch, &pieces, message.version())?)
            }
            MessageHeader::DictionaryBatch => {
                let dictionary = message.header_as_dictionary_batch().ok_or("a dictionary without its content")?;
                let batch = dictionary.data().ok_or("a dictionary without its content")?;
                let data_type = dictionary_type(dictionary.id()).ok_or("a dictionary that belongs to no column")?;
                let pieces = pieces(&batch, &self.body, room)?;
                Ok(layout::check(std::iter::once(data_type), &batch, &pieces, message.version())?)
            }
            other => Err(format!("unexpected {other:?} message among its batches").into()),
        }
    }
}

/// A message's metadata.
///
/// # Errors
/// If it is invalid.
pub(super) fn parse(metadata: &[u8]) -> Result<Message<'_>, String> {
    arrow_ipc::root_as_message(metadata).map_err(|_| "a message in it is damaged".into())
}

/// The places of a batch's buffers in a body of `body` bytes, each checked to be within it and after the previous one.
///
/// # Errors
/// If one is not, or a number of rows or of missing values is impossible.
pub(super) fn ranges(batch: &RecordBatch<'_>, body: u64) -> Result<Vec<Range<u64>>, String> {
    if !(0..=ROWS_MAX).contains(&batch.length()) {
        return Err(format!("a batch of {} rows", batch.length()));
    }
    for node in batch.nodes().into_iter().flatten() {
        if !(0..=ROWS_MAX).contains(&node.length()) || !(0..=node.length()).contains(&node.null_count()) {
            return Err(format!("a column of {} values with {} missing ones", node.length(), node.null_count()));
        }
    }
    let (mut ranges, mut end) = (Vec::new(), 0);
    for buffer in batch.buffers().into_iter().flatten() {
        let place = || {
            let start = u64::try_from(buffer.offset()).ok()?;
            let stop = start.checked_add(u64::try_from(buffer.length()).ok()?)?;
            // Overlapping buffers would decode to more than the body has. All buffers begin at multiples of eight.
            let apart = start >= end && start % 8 == 0;
            (stop <= body && (start == stop || apart)).then_some(start..stop)
        };
        let Some(range) = place() else {
            let (offset, length) = (buffer.offset(), buffer.length());
            return Err(format!("a buffer of {length} bytes at {offset} in a body of {body}"));
        };
        end = end.max(range.end);
        ranges.push(range);
    }
    Ok(ranges)
}

/// The buffers of a batch, with memory reserved for their decompressed bytes.
fn pieces<'a>(batch: &RecordBatch<'_>, body: &'a Buffer, room: &mut Room) -> Result<Vec<Piece<'a>>, Fault> {
    let ratio = match batch.compression() {
        None => None,
        Some(compression) if compression.method() != BodyCompressionMethod::BUFFER => {
            return Err(format!("a compression of the kind {:?}", compression.method()).into());
        }
        Some(compression) if compression.codec() == CompressionType::LZ4_FRAME => Some(LZ4_RATIO),
        Some(_) => Some(ZSTD_RATIO),
    };
    let (mut pieces, mut claimed) = (Vec::new(), 0_u64);
    for range in ranges(batch, body.len() as u64)? {
        let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let bytes = bounds.and_then(|(start, end)| body.get(start..end)).unwrap_or_default();
        let piece = match ratio {
            Some(ratio) if !bytes.is_empty() => unpacked(bytes, ratio)?,
            _ => Piece { length: bytes.len() as u64, bytes: Some(bytes) },
        };
        if piece.bytes.is_none() {
            claimed = claimed.saturating_add(piece.length);
        }
        pieces.push(piece);
    }
    // Memory is allocated for the claimed size, so it must be available.
    check_unpacked(body.len() as u64, claimed)?;
    room.hold(claimed)?;
    Ok(pieces)
}

/// A compressed buffer, with the decompressed size that it claims.
fn unpacked(bytes: &[u8], ratio: u64) -> Result<Piece<'_>, String> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(format!("a compressed buffer of {} bytes", bytes.len()));
    };
    let claimed = i64::from_le_bytes(*prefix);
    let compressed = rest.len() as u64;
    match u64::try_from(claimed) {
        Ok(length) if length <= compressed.saturating_mul(ratio).saturating_add(64) => {
            Ok(Piece { length, bytes: None })
        }
        // Minus one marks a buffer that is not compressed.
        Err(_) if claimed == -1 => Ok(Piece { length: compressed, bytes: Some(rest) }),
        _ => Err(format!("a compressed buffer of {compressed} bytes that claims to hold {claimed}")),
    }
}
