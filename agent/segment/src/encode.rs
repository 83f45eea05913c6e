//! Encodes tables as Arrow IPC messages: a table in several pieces as one record batch in one segment, a table too
//! large for that as a sequence of segments, and single batches for outputs. Flat columns take the one-copy path, all
//! others use Arrow's own writer.

use crate::error::SegmentError;
use crate::flat::{ALIGNMENT, Body, Extent, Part, Planned, Shape, is_flat, plan};
use crate::mapping::return_freed_memory;
use crate::memory::{Segment, SegmentFile};
use crate::plain::plain_bytes;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, StreamWriter, write_message,
};
use arrow_ipc::{KeyValue, KeyValueArgs, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use flatbuffers::FlatBufferBuilder;
use std::io::Write;
use std::sync::Arc;

/// The message metadata key for the positions of booleans that are also stored as bytes: `column:offset,…`.
pub(crate) const BOOLEAN_BYTES: &str = "longshore.boolean_bytes";

/// Largest sum of text bytes that 32-bit offsets can address.
const OFFSETS_32_MAX: usize = i32::MAX as usize;

/// Bytes that are written before their memory is returned to the system.
const GIVEN_BACK: usize = 128 << 20;

/// Largest nested table that is written as one batch, in bytes: far below the 2 GiB that 32-bit offsets can address.
const NESTED_TOGETHER_MAX: u64 = 1 << 30;

/// Writes a table in pieces as one segment. Flat tables become one record batch, whatever their number of pieces; the
/// pieces are freed as they are written.
///
/// # Errors
/// [`SegmentError`].
pub fn write_whole(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Segment, SegmentError> {
    let mut file = SegmentFile::create()?;
    if is_flat(schema) {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let columns = into_columns(schema, batches);
        let schema = widen(schema, &columns);
        let columns = columns.into_iter().zip(schema.fields()).map(cast_text).collect::<Result<Vec<_>, _>>()?;
        write_schema(&schema, &mut file)?;
        let body = Body::new(&columns, true);
        drop(columns);
        write_body(body, rows, &mut file)?;
    } else {
        let mut writer = StreamWriter::try_new(&mut file, schema)?;
        let bytes =
            |batch: &RecordBatch| batch.columns().iter().map(|column| plain_bytes(column.as_ref())).sum::<u64>();
        if batches.iter().map(bytes).fold(0, u64::saturating_add) <= NESTED_TOGETHER_MAX {
            if let Some(batch) = concatenate(schema, &batches)? {
                writer.write(&batch)?;
            }
        } else {
            for batch in &batches {
                writer.write(batch)?;
            }
        }
        writer.finish()?;
    }
    file.seal()
}

/// Writes a table of flat columns with known extents as one segment with one record batch. `fill` writes the bytes of
/// each buffer, in the order of the segment: column by column, the parts that [`Part`] describes. The table is never in
/// memory elsewhere.
///
/// # Errors
/// [`SegmentError::Write`] if `fill` fails, or writes another number of bytes than the buffer has.
pub fn write_flat(
    schema: &SchemaRef,
    rows: usize,
    extents: &[Extent],
    mut fill: impl FnMut(usize, Part, &mut dyn Write) -> std::io::Result<()>,
) -> Result<Segment, SegmentError> {
    let mut file = SegmentFile::create()?;
    write_schema(schema, &mut file)?;
    let (shape, planned) = plan(schema, rows, extents);
    write_metadata(&shape, rows, &mut file)?;
    for Planned { column, part, length, padding } in planned {
        let end = file.length() + length as u64;
        if length > 0 {
            fill(column, part, &mut file)?;
        }
        if file.length() != end {
            let reason = format!("the {part:?} of column {column} do not have the {length} bytes announced");
            return Err(SegmentError::Write(std::io::Error::other(reason)));
        }
        file.write_all(&[0; ALIGNMENT][..padding])?;
    }
    file.seal()
}

/// Writes a table batch by batch; the target of the bytes determines how they are cut.
pub struct BatchEncoder<W: Write> {
    state: State<W>,
}

enum State<W: Write> {
    Flat(W),
    Nested(Box<StreamWriter<W>>),
}

impl<W: Write> std::fmt::Debug for BatchEncoder<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchEncoder").field("flat", &matches!(self.state, State::Flat(_))).finish_non_exhaustive()
    }
}

impl<W: Write> BatchEncoder<W> {
    /// Starts a table: its schema is written at once.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn new(schema: &Schema, mut target: W) -> Result<Self, SegmentError> {
        let state = if is_flat(schema) {
            write_schema(schema, &mut target)?;
            State::Flat(target)
        } else {
            State::Nested(Box::new(StreamWriter::try_new(target, schema)?))
        };
        Ok(Self { state })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SegmentError> {
        match &mut self.state {
            State::Flat(target) => write_batch(batch, target),
            State::Nested(writer) => Ok(writer.write(batch)?),
        }
    }

    /// The destination of the bytes.
    pub fn target(&mut self) -> &mut W {
        match &mut self.state {
            State::Flat(target) => target,
            State::Nested(writer) => writer.get_mut(),
        }
    }
}

/// A table as a sequence of segments, each with one batch or more, for readers that take one at a time.
#[derive(Debug)]
pub struct SegmentStream {
    encoder: BatchEncoder<SegmentFile>,
}

impl SegmentStream {
    /// Starts a table.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn new(schema: &Schema) -> Result<Self, SegmentError> {
        Ok(Self { encoder: BatchEncoder::new(schema, SegmentFile::create()?)? })
    }

    /// Adds a batch to the segment being written.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SegmentError> {
        self.encoder.write(batch)
    }

    /// Bytes in the segment being written.
    pub fn length(&mut self) -> u64 {
        self.encoder.target().length()
    }

    /// Seals the segment being written and starts the next.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn cut(&mut self) -> Result<Segment, SegmentError> {
        std::mem::replace(self.encoder.target(), SegmentFile::create()?).seal()
    }
}

fn into_columns(schema: &Schema, batches: Vec<RecordBatch>) -> Vec<Vec<ArrayRef>> {
    let mut columns: Vec<Vec<ArrayRef>> =
        schema.fields().iter().map(|field| vec![arrow_array::new_empty_array(field.data_type())]).collect();
    for batch in batches {
        for (column, pieces) in columns.iter_mut().enumerate() {
            pieces.push(Arc::clone(batch.column(column)));
        }
    }
    columns
}

/// The schema with 64-bit offsets for text columns whose pieces together exceed 32-bit ones.
fn widen(schema: &SchemaRef, columns: &[Vec<ArrayRef>]) -> SchemaRef {
    let widened = |(field, pieces): (&Arc<Field>, &Vec<ArrayRef>)| {
        let wide = match field.data_type() {
            DataType::Utf8 => DataType::LargeUtf8,
            DataType::Binary => DataType::LargeBinary,
            _ => return Arc::clone(field),
        };
        let bytes: usize = pieces.iter().map(text_bytes).sum();
        if bytes > OFFSETS_32_MAX { Arc::new(field.as_ref().clone().with_data_type(wide)) } else { Arc::clone(field) }
    };
    let fields: Vec<_> = schema.fields().iter().zip(columns).map(widened).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn text_bytes(piece: &ArrayRef) -> usize {
    let data = piece.to_data();
    match (data.is_empty(), data.buffers().first()) {
        (false, Some(offsets)) => {
            let offsets: &[i32] = &offsets.typed_data()[data.offset()..=data.offset() + data.len()];
            usize::try_from(offsets[data.len()] - offsets[0]).unwrap_or(0)
        }
        _ => 0,
    }
}

fn cast_text((pieces, field): (Vec<ArrayRef>, &Arc<Field>)) -> Result<Vec<ArrayRef>, SegmentError> {
    let wanted = field.data_type();
    let cast = |piece: ArrayRef| if piece.data_type() == wanted { Ok(piece) } else { widen_offsets(&piece, wanted) };
    pieces.into_iter().map(cast).collect()
}

fn widen_offsets(piece: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, SegmentError> {
    let data = piece.to_data();
    let narrow: &[i32] = if data.is_empty() {
        &[0]
    } else {
        &data.buffers()[0].typed_data()[data.offset()..=data.offset() + data.len()]
    };
    let wide: Vec<i64> = narrow.iter().map(|offset| i64::from(*offset)).collect();
    let wide = arrow_data::ArrayData::builder(wanted.clone())
        .len(data.len())
        .nulls(data.nulls().cloned())
        .add_buffer(arrow_buffer::Buffer::from_vec(wide))
        .add_buffer(data.buffers()[1].clone())
        .build()?;
    Ok(arrow_array::make_array(wide))
}

fn concatenate(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Option<RecordBatch>, SegmentError> {
    match batches {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        many => Ok(Some(arrow_select::concat::concat_batches(schema, many)?)),
    }
}

pub(crate) fn write_schema(schema: &Schema, target: &mut impl Write) -> Result<(), SegmentError> {
    let options = options()?;
    let mut tracker = DictionaryTracker::new(false);
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options);
    write_message(target, encoded, &options)?;
    Ok(())
}

/// Writes a batch without dictionaries, of a table whose schema has been written.
pub(crate) fn write_batch(batch: &RecordBatch, target: &mut impl Write) -> Result<(), SegmentError> {
    if is_flat(&batch.schema()) {
        let columns: Vec<_> = batch.columns().iter().map(|column| vec![Arc::clone(column)]).collect();
        return write_body(Body::new(&columns, false), batch.num_rows(), target);
    }
    let (options, mut tracker) = (options()?, DictionaryTracker::new(false));
    let encoded = IpcDataGenerator::default().encode(batch, &mut tracker, &options, &mut IpcWriteContext::default())?.1;
    write_message(target, encoded, &options)?;
    Ok(())
}

/// Writes a batch. Written buffers are freed, so that a table and its segment are not in memory at the same time.
fn write_body(body: Body, rows: usize, target: &mut impl Write) -> Result<(), SegmentError> {
    write_metadata(&body.shape, rows, target)?;
    let mut written = 0;
    for part in body.into_parts() {
        target.write_all(&part)?;
        written += part.len();
        drop(part);
        if written >= GIVEN_BACK {
            return_freed_memory();
            written = 0;
        }
    }
    Ok(())
}

fn write_metadata(shape: &Shape, rows: usize, target: &mut impl Write) -> Result<(), SegmentError> {
    let metadata = batch_metadata(shape, rows);
    let unpadded = 8 + metadata.len();
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    let length = u32::try_from(metadata.len() + padding)
        .map_err(|_| SegmentError::MessageTooLarge { length: metadata.len() as u64, limit: u64::from(u32::MAX) })?;
    target.write_all(&[0xff; 4])?;
    target.write_all(&length.to_le_bytes())?;
    target.write_all(&metadata)?;
    target.write_all(&[0; ALIGNMENT][..padding])?;
    Ok(())
}

fn batch_metadata(shape: &Shape, rows: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let buffers = builder.create_vector(&shape.buffers);
    let nodes = builder.create_vector(&shape.nodes);
    let mut batch = RecordBatchBuilder::new(&mut builder);
    batch.add_length(i64::try_from(rows).expect("no batch has more rows than i64::MAX"));
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    let batch = batch.finish();
    let custom = (!shape.boolean_bytes.is_empty()).then(|| {
        let places: Vec<String> =
            shape.boolean_bytes.iter().map(|(column, offset)| format!("{column}:{offset}")).collect();
        let key = builder.create_string(BOOLEAN_BYTES);
        let value = builder.create_string(&places.join(","));
        let pair = KeyValue::create(&mut builder, &KeyValueArgs { key: Some(key), value: Some(value) });
        builder.create_vector(&[pair])
    });
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::RecordBatch);
    message.add_bodyLength(i64::try_from(shape.length()).expect("no body is longer than i64::MAX"));
    message.add_header(batch.as_union_value());
    if let Some(custom) = custom {
        message.add_custom_metadata(custom);
    }
    let message = message.finish();
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

fn options() -> Result<IpcWriteOptions, SegmentError> {
    Ok(IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?)
}
