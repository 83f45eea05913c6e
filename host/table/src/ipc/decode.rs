//! Decodes messages into batches, with the dictionaries that precede them.

use super::fault::Fault;
use super::message::RawMessage;
use crate::room::Room;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::UnsafeFlag;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary_impl};
use arrow_ipc::{Message, MessageHeader};
use arrow_schema::{DataType, SchemaRef};
use longshore_segment::bare;
use std::collections::HashMap;

/// The state of decoding a table's messages.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
    /// The memory that the current message is decompressed to.
    room: Room,
}

impl Decoder {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self { schema, dictionaries: HashMap::new(), room: Room::default() }
    }

    /// Decodes a message; `None` for a dictionary.
    ///
    /// # Errors
    /// If the message is invalid.
    pub(super) fn read(&mut self, raw: &RawMessage) -> Result<Option<RecordBatch>, Fault> {
        let message = raw.message()?;
        let schema = SchemaRef::clone(&self.schema);
        let types = schema.fields().iter().map(|field| field.data_type());
        raw.check(&message, types, |id| values_of(&schema, id), &mut self.room)?;
        let text = |error: arrow_schema::ArrowError| bare(&error);
        match message.header_type() {
            MessageHeader::DictionaryBatch => {
                let dictionary = message.header_as_dictionary_batch().ok_or("a dictionary without its content")?;
                read_dictionary_impl(
                    &raw.body,
                    dictionary,
                    &self.schema,
                    &mut self.dictionaries,
                    &message.version(),
                    false,
                    UnsafeFlag::new(),
                )
                .map_err(text)?;
                Ok(None)
            }
            MessageHeader::RecordBatch => Ok(Some(self.batch(&message, &raw.body)?)),
            other => Err(format!("unexpected {other:?} message among its batches").into()),
        }
    }

    fn batch(&self, message: &Message<'_>, body: &Buffer) -> Result<RecordBatch, String> {
        let header = message.header_as_record_batch().ok_or("a batch without its content")?;
        let schema = SchemaRef::clone(&self.schema);
        let version = message.version();
        let decoder = RecordBatchDecoder::try_new(body, header, schema, &self.dictionaries, &version);
        decoder.and_then(RecordBatchDecoder::read_record_batch).map_err(|error| bare(&error))
    }
}

/// The type of a dictionary's values.
fn values_of(schema: &SchemaRef, id: i64) -> Option<&DataType> {
    #[allow(deprecated, reason = "Arrow's own reader finds a dictionary's column by it")]
    let fields = schema.fields_with_dict_id(id);
    match fields.first()?.data_type() {
        DataType::Dictionary(_, values) => Some(values),
        _ => None,
    }
}
