//! Decodes Arrow IPC messages into record batches, without copying. One decoder serves both directions: it checks every
//! buffer, offset and string of data from a container, and skips these checks for data that the host wrote itself.

use crate::budget::{Budget, OverBudget, Taken};
use crate::encode::BOOLEAN_BYTES;
use crate::error::SegmentError;
use crate::messages::{RawMessage, Splitter};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::UnsafeFlag;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary_impl};
use arrow_ipc::{Message, MessageHeader};
use arrow_schema::{DataType, Schema, SchemaRef};
use longshore_protocol::limits::SEGMENT_MAX;
use std::collections::{HashMap, TryReserveError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Largest body of a message from a container, in bytes: the SDKs cut batches to arenas of 8 MiB, and a single row
/// may be as large as a column of text can be.
const UNTRUSTED_BODY_MAX: u64 = 2 << 30;

/// Most rows in a batch from a container: a column of nulls has rows without having bytes, so bytes alone do not
/// bound them. Nothing may be made of so many at once: see [`crate::cut`].
const UNTRUSTED_ROWS_MAX: i64 = 1 << 31;

/// What a schema's columns take once they are read, as a multiple of its bytes: a field of 60 bytes has some 300
/// here, and its name and notes.
const SCHEMA_FACTOR: u64 = 8;

/// What the arrays of a batch take besides their values, as a multiple of the metadata that describes them: 16 bytes
/// for each array there are 200 here.
const ARRAYS_FACTOR: u64 = 16;

/// Alignment that the values of every type are fine with; others are copied.
const ALIGNED: usize = 16;

/// A record batch as it was sent.
#[derive(Debug, Clone)]
pub struct DecodedBatch {
    /// The batch.
    pub batch: RecordBatch,
    /// For boolean columns without nulls, where the sender added them: the column, and its values as bytes of 0
    /// and 1.
    pub boolean_bytes: Vec<(usize, Buffer)>,
    /// The memory of the batch, returned with the last clone.
    _memory: Arc<Vec<Taken>>,
}

/// A batch that is not from a stream.
impl From<RecordBatch> for DecodedBatch {
    fn from(batch: RecordBatch) -> Self {
        Self { batch, boolean_bytes: Vec::new(), _memory: Arc::default() }
    }
}

/// A column's categories, and the memory that they take.
type Dictionaries = HashMap<i64, Vec<Taken>>;

/// Decodes one table.
#[derive(Debug)]
pub struct TableDecoder {
    splitter: Splitter,
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
    skip_validation: UnsafeFlag,
    trusted: bool,
    budget: Budget,
    schema_memory: Option<Taken>,
    dictionary_memory: Dictionaries,
}

impl TableDecoder {
    /// For bytes from a container: everything is checked, and no memory is allocated for them beyond the budget.
    #[must_use]
    pub fn untrusting(budget: &Budget) -> Self {
        Self {
            splitter: Splitter::new(UNTRUSTED_BODY_MAX, budget.clone()),
            schema: None,
            dictionaries: HashMap::new(),
            skip_validation: UnsafeFlag::new(),
            trusted: false,
            budget: budget.clone(),
            schema_memory: None,
            dictionary_memory: HashMap::new(),
        }
    }

    /// For bytes that the host wrote with this crate: strings and offsets are not checked, so a column that the
    /// script does not touch costs nothing.
    ///
    /// # Safety
    /// The bytes must be a valid Arrow IPC stream, as [`crate::write_whole`] and [`crate::SegmentStream`] write
    /// them, in memory that only the caller can change.
    #[must_use]
    #[allow(unsafe_code, reason = "trust is the caller's promise, and `unsafe` is how Rust says so")]
    pub unsafe fn trusting() -> Self {
        let mut skip_validation = UnsafeFlag::new();
        // SAFETY: the caller promises that the bytes are valid.
        unsafe { skip_validation.set(true) };
        let budget = Budget::unlimited();
        let splitter = Splitter::new(SEGMENT_MAX, budget.clone());
        Self { splitter, skip_validation, trusted: true, ..Self::untrusting(&budget) }
    }

    /// The table's schema, once it has arrived.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// Bytes of memory that the schema takes, once it has arrived.
    #[must_use]
    pub fn schema_bytes(&self) -> u64 {
        self.schema_memory.as_ref().map_or(0, Taken::bytes)
    }

    /// The next batch; `None` when all of `bytes` is used up without completing one. The bytes may be cut anywhere.
    ///
    /// # Errors
    /// [`SegmentError`]; the decoder is then of no further use.
    pub fn next(&mut self, bytes: &mut Buffer) -> Result<Option<DecodedBatch>, SegmentError> {
        while let Some(raw) = self.splitter.next(bytes)? {
            let batch = if self.trusted {
                self.read(raw)?
            } else {
                // Arrow's reader checks its input, but a panic on hostile bytes is a bug it has had before.
                catch_unwind(AssertUnwindSafe(|| self.read(raw)))
                    .unwrap_or_else(|_| Err(SegmentError::bad_stream("a message that Arrow's reader cannot read")))?
            };
            if batch.is_some() {
                return Ok(batch);
            }
        }
        Ok(None)
    }

    /// Whether the stream's end marker has arrived.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.splitter.has_ended()
    }

    /// Ends the table.
    ///
    /// # Errors
    /// [`SegmentError::BadStream`] in the middle of a message, or without a schema.
    pub fn finish(&self) -> Result<SchemaRef, SegmentError> {
        if !self.splitter.is_between_messages() {
            return Err(SegmentError::bad_stream("it ends in the middle of a message"));
        }
        self.schema.clone().ok_or_else(|| SegmentError::bad_stream("it ends before its schema"))
    }

    fn read(&mut self, mut raw: RawMessage) -> Result<Option<DecodedBatch>, SegmentError> {
        let mut memory: Vec<Taken> = raw.memory.take().into_iter().collect();
        let message = raw.message()?;
        match message.header_type() {
            MessageHeader::Schema if self.schema.is_some() => Err(SegmentError::bad_stream("it has a second schema")),
            MessageHeader::Schema => {
                let schema = message.header_as_schema().ok_or_else(|| contradiction("schema"))?;
                if schema.fields().is_none() {
                    return Err(SegmentError::bad_stream("its schema has no fields"));
                }
                if !self.trusted {
                    let length = raw.metadata_bytes();
                    self.schema_memory = Some(self.budget.take(length.saturating_mul(SCHEMA_FACTOR))?);
                    let schema = arrow_ipc::convert::fb_to_schema(schema);
                    self.splitter.expect_columns(schema.flattened_fields().len(), length)?;
                    self.schema = Some(Arc::new(schema));
                    return Ok(None);
                }
                self.schema = Some(Arc::new(arrow_ipc::convert::fb_to_schema(schema)));
                Ok(None)
            }
            MessageHeader::DictionaryBatch => {
                self.read_dictionary(&message, &raw, memory)?;
                Ok(None)
            }
            MessageHeader::RecordBatch => {
                if !self.trusted {
                    memory.push(self.arrays(&raw)?);
                }
                self.read_batch(&message, &raw.body, memory).map(Some)
            }
            other => Err(SegmentError::bad_stream(format!("a message of the kind {other:?}"))),
        }
    }

    /// Takes the memory of a message's arrays, and of its values where Arrow's reader copies them.
    fn arrays(&self, raw: &RawMessage) -> Result<Taken, OverBudget> {
        let copied = if raw.body.as_ptr().align_offset(ALIGNED) == 0 { 0 } else { raw.body.len() as u64 };
        self.budget.take(raw.metadata_bytes().saturating_mul(ARRAYS_FACTOR).saturating_add(copied))
    }

    fn read_dictionary(
        &mut self,
        message: &Message<'_>,
        raw: &RawMessage,
        mut memory: Vec<Taken>,
    ) -> Result<(), SegmentError> {
        let dictionary = message.header_as_dictionary_batch().ok_or_else(|| contradiction("dictionary"))?;
        let schema = self.schema.as_deref().ok_or_else(|| SegmentError::bad_stream("data before its schema"))?;
        let (id, mut body) = (dictionary.id(), raw.body.clone());
        if !self.trusted {
            let data = dictionary.data().ok_or_else(|| contradiction("dictionary"))?;
            check_batch(&data, body.len())?;
            memory.push(self.arrays(raw)?);
            if memory.len() == 1 {
                // It is kept while the table arrives, so it must not be in memory that is reused.
                memory.push(self.budget.take(body.len() as u64)?);
                body = copied(&body)
                    .map_err(|_| OverBudget { wanted: raw.body.len() as u64, limit: self.budget.limit() })?;
            }
            if dictionary.isDelta() {
                check_delta(schema, id)?;
                // The old and the new categories exist beside the joined ones.
                let known = self.dictionary_memory.get(&id).into_iter().flatten();
                let both = known.chain(&memory).map(Taken::bytes).fold(0, u64::saturating_add);
                memory = vec![self.budget.take(both)?];
            }
        }
        read_dictionary_impl(
            &body,
            dictionary,
            schema,
            &mut self.dictionaries,
            &message.version(),
            false,
            self.skip_validation.clone(),
        )?;
        self.dictionary_memory.insert(id, memory);
        Ok(())
    }

    fn read_batch(
        &self,
        message: &Message<'_>,
        body: &Buffer,
        memory: Vec<Taken>,
    ) -> Result<DecodedBatch, SegmentError> {
        let header = message.header_as_record_batch().ok_or_else(|| contradiction("record batch"))?;
        let schema = self.schema.clone().ok_or_else(|| SegmentError::bad_stream("data before its schema"))?;
        if !self.trusted {
            check_batch(&header, body.len())?;
        }
        let batch = RecordBatchDecoder::try_new(body, header, schema, &self.dictionaries, &message.version())?
            .with_skip_validation(self.skip_validation.clone())
            .read_record_batch()?;
        let boolean_bytes = boolean_bytes(message, body, batch.num_rows());
        Ok(DecodedBatch { batch, boolean_bytes, _memory: Arc::new(memory) })
    }
}

fn copied(body: &Buffer) -> Result<Buffer, TryReserveError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(body.len())?;
    copy.extend_from_slice(body);
    Ok(Buffer::from_vec(copy))
}

/// Categories may be added to where they take no more than their own bytes: no types inside types.
#[allow(deprecated, reason = "Arrow has no other name for a dictionary's number yet")]
fn check_delta(schema: &Schema, id: i64) -> Result<(), SegmentError> {
    let is_nested = |values: &DataType| values.is_nested() || matches!(values, DataType::Dictionary(..));
    let nested = schema.fields_with_dict_id(id).iter().any(|field| match field.data_type() {
        DataType::Dictionary(_, values) => is_nested(values),
        _ => true,
    });
    if nested { Err(SegmentError::bad_stream("categories of nested values that are added to")) } else { Ok(()) }
}

fn contradiction(kind: &str) -> SegmentError {
    SegmentError::bad_stream(format!("a {kind} message without its content"))
}

/// Checks what Arrow's reader takes for granted: every buffer lies in the body, and nothing is compressed (a few
/// bytes could ask for terabytes).
fn check_batch(batch: &arrow_ipc::RecordBatch<'_>, body_length: usize) -> Result<(), SegmentError> {
    if batch.compression().is_some() {
        return Err(SegmentError::bad_stream("a compressed batch"));
    }
    if !(0..=UNTRUSTED_ROWS_MAX).contains(&batch.length()) {
        return Err(SegmentError::bad_stream(format!("a batch of {} rows", batch.length())));
    }
    for node in batch.nodes().into_iter().flatten() {
        if !(0..=UNTRUSTED_ROWS_MAX).contains(&node.length()) || !(0..=node.length()).contains(&node.null_count()) {
            let (length, nulls) = (node.length(), node.null_count());
            return Err(SegmentError::bad_stream(format!("a column of {length} values with {nulls} nulls")));
        }
    }
    let mut claimed = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        claimed = claimed.saturating_add(buffer.length().unsigned_abs());
        let (offset, length) = (buffer.offset(), buffer.length());
        let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
        if offset < 0 || length < 0 || end.is_none_or(|end| end > body_length) {
            return Err(SegmentError::bad_stream(format!(
                "a buffer of {length} bytes at {offset} in a body of {body_length}"
            )));
        }
    }
    if claimed > body_length as u64 {
        // Overlapping buffers could be copied once for each time they are named.
        return Err(SegmentError::bad_stream(format!("buffers of {claimed} bytes in a body of {body_length}")));
    }
    let buffers = batch.buffers().map_or(0, |buffers| buffers.len() as i64);
    if let Some(count) = batch.variadicBufferCounts().into_iter().flatten().find(|count| !(0..=buffers).contains(count))
    {
        return Err(SegmentError::bad_stream(format!("a column of {count} buffers in a batch of {buffers}")));
    }
    Ok(())
}

/// The positions of booleans as bytes, from the sender. Ignored if they do not fit: the bits are always present too.
fn boolean_bytes(message: &Message<'_>, body: &Buffer, rows: usize) -> Vec<(usize, Buffer)> {
    let pairs = message.custom_metadata().into_iter().flatten();
    let Some(places) = pairs.filter(|pair| pair.key() == Some(BOOLEAN_BYTES)).find_map(|pair| pair.value()) else {
        return Vec::new();
    };
    let place = |place: &str| {
        let (column, offset) = place.split_once(':')?;
        let (column, offset) = (column.parse().ok()?, offset.parse::<usize>().ok()?);
        let fits = offset.checked_add(rows)? <= body.len();
        fits.then(|| (column, body.slice_with_length(offset, rows)))
    };
    places.split(',').filter_map(place).collect()
}
