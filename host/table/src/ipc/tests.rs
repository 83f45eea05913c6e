//! Arrow files and streams: written data is read back, and no changed length results in other rows.

use super::*;
use crate::ipc::message::CONTINUATION;
use crate::room::Room;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;

fn batch(first: i64, category: &str) -> RecordBatch {
    let numbers: ArrayRef = Arc::new((first..first + 100).map(|n| (n % 7 != 0).then_some(n)).collect::<Int64Array>());
    let texts: ArrayRef = Arc::new((first..first + 100).map(|n| Some(format!("text {n}"))).collect::<StringArray>());
    let values: ArrayRef = Arc::new(StringArray::from(vec!["a", category]));
    let keys = Int32Array::from((0..100).map(|n| n % 2).collect::<Vec<_>>());
    let categories: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap());
    RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, true), ("c", categories, true)])
        .unwrap()
}

fn options(compression: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(compression).unwrap()
}

fn file_bytes(compression: Option<CompressionType>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let one = batch(0, "b");
    let mut writer = FileWriter::try_new_with_options(&mut bytes, &one.schema(), options(compression)).unwrap();
    writer.write(&one).unwrap();
    writer.write(&batch(100, "b")).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn stream_bytes(compression: Option<CompressionType>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let one = batch(0, "b");
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, &one.schema(), options(compression)).unwrap();
    writer.write(&one).unwrap();
    // Another dictionary for the same column.
    writer.write(&batch(100, "c")).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn read_file(bytes: &[u8]) -> Result<Vec<RecordBatch>, String> {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let mut opened = IpcFile::open(file).map_err(|fault| fault.to_string())?;
    let expected = opened.rows();
    let mut batches = Vec::new();
    while let Some(batch) = opened.next().map_err(|fault| fault.to_string())? {
        batches.push(batch);
    }
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, expected);
    Ok(batches)
}

fn read_stream(bytes: &[u8]) -> Result<Vec<RecordBatch>, String> {
    let mut stream = IpcStream::open(bytes).map_err(|fault| fault.to_string())?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().map_err(|fault| fault.to_string())? {
        batches.push(batch);
    }
    Ok(batches)
}

const COMPRESSIONS: [Option<CompressionType>; 3] =
    [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];

#[test]
fn what_was_written_is_read() {
    for compression in COMPRESSIONS {
        assert_eq!(read_file(&file_bytes(compression)).unwrap(), [batch(0, "b"), batch(100, "b")]);
        assert_eq!(read_stream(&stream_bytes(compression)).unwrap(), [batch(0, "b"), batch(100, "c")]);
    }
}

#[test]
fn a_stream_ends_with_its_mark_and_nothing_behind_it() {
    let whole = stream_bytes(None);
    for length in 0..whole.len() {
        let error = read_stream(&whole[..length]).unwrap_err();
        assert!(error.contains("ends"), "cut at {length} of {}: {error}", whole.len());
    }
    let twice = [&whole[..], &whole[..]].concat();
    assert!(read_stream(&twice).unwrap_err().contains("there is more data after its end"));
    assert!(read_stream(&[&whole[..], &[0; 8]].concat()).is_ok());
}

#[test]
fn a_file_that_is_cut_has_no_footer() {
    let whole = file_bytes(None);
    for length in (0..whole.len()).step_by(7) {
        let error = read_file(&whole[..length]).unwrap_err();
        assert!(error.contains("footer"), "cut at {length}: {error}");
    }
}

#[test]
fn a_file_may_have_its_schema_bare() {
    // Some writers omit the words before the schema, so that messages begin with the first dictionary.
    let whole = file_bytes(None);
    let length = u32::from_le_bytes(whole[68..72].try_into().unwrap()) as usize;
    for first in [4, 8, 12, 16] {
        let mut bare = whole.clone();
        bare[64..72].copy_from_slice(&[first, 0, 0, 0, 0, 0, 0, 0]);
        bare[72..72 + length].fill(7);
        assert_eq!(read_file(&bare).unwrap(), read_file(&whole).unwrap(), "{first}");
    }
}

/// Every field of four or eight bytes that could be a length is changed: the table is the same, or an error.
#[test]
fn no_length_makes_other_rows() {
    for compression in COMPRESSIONS {
        let (file, stream) = (file_bytes(compression), stream_bytes(compression));
        check_lengths(&file, read_file);
        check_lengths(&stream, read_stream);
    }
}

fn check_lengths(whole: &[u8], read: fn(&[u8]) -> Result<Vec<RecordBatch>, String>) {
    let good = read(whole).unwrap();
    let same_text = |a: &[RecordBatch], b: &[RecordBatch]| {
        a.iter().map(RecordBatch::num_rows).eq(b.iter().map(RecordBatch::num_rows))
    };
    for at in (0..whole.len().saturating_sub(8)).step_by(4) {
        let small = i32::from_le_bytes(whole[at..at + 4].try_into().unwrap());
        // A length in this file is not larger than the file, or is the largest of its kind.
        if small == 0 || usize::try_from(small).map_or(small != -1, |small| small > whole.len()) {
            continue;
        }
        for value in [0, -1, i32::MAX, i32::MIN, small.wrapping_add(1), small.wrapping_sub(1), small.wrapping_mul(64)] {
            let mut bytes = whole.to_vec();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let read = crate::guarded(|| read(&bytes));
            if let Ok(Ok(found)) = read {
                assert!(same_text(&found, &good), "{value} at {at} makes other rows: {found:?}");
            }
        }
    }
}

#[test]
fn experimental_compression_and_other_ends_of_bytes_are_refused() {
    use arrow_ipc::{
        Endianness, KeyValue, KeyValueArgs, MessageBuilder, MessageHeader, MetadataVersion, SchemaBuilder,
    };
    use flatbuffers::FlatBufferBuilder;
    let mut builder = FlatBufferBuilder::new();
    let fields = builder.create_vector::<flatbuffers::WIPOffset<arrow_ipc::Field<'_>>>(&[]);
    let mut schema = SchemaBuilder::new(&mut builder);
    schema.add_endianness(Endianness::Big);
    schema.add_fields(fields);
    let schema = schema.finish();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(arrow_ipc::MessageHeader::Schema);
    message.add_header(schema.as_union_value());
    let message = message.finish();
    builder.finish(message, None);
    let mut metadata = builder.finished_data().to_vec();
    metadata.resize(metadata.len().next_multiple_of(8), 0);
    let mut bytes = vec![0xff; 4];
    bytes.extend(u32::try_from(metadata.len()).unwrap().to_le_bytes());
    bytes.extend(metadata);
    let refused = read_stream(&bytes).unwrap_err();
    assert!(refused.contains("big-endian"), "{refused}");

    let mut builder = FlatBufferBuilder::new();
    let (key, value) = (builder.create_string("ARROW:experimental_compression"), builder.create_string("lz4"));
    let pair = KeyValue::create(&mut builder, &KeyValueArgs { key: Some(key), value: Some(value) });
    let pairs = builder.create_vector(&[pair]);
    let data = arrow_ipc::RecordBatchBuilder::new(&mut builder).finish();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V4);
    message.add_header_type(MessageHeader::RecordBatch);
    message.add_header(data.as_union_value());
    message.add_custom_metadata(pairs);
    let message = message.finish();
    builder.finish(message, None);
    let raw = message::RawMessage {
        metadata: builder.finished_data().to_vec(),
        body: arrow_buffer::Buffer::from_vec(Vec::<u8>::new()),
    };
    let refused = raw.check(&raw.message().unwrap(), std::iter::empty(), |_| None, &mut Room::default()).unwrap_err();
    assert!(matches!(&refused, Fault::Unreadable(reason) if reason.contains("compressed as Arrow 0.17")), "{refused}");
}

/// A stream of a schema whose columns all refer to one place, with a name of `name` bytes.
fn stream_of_one_column(times: usize, name: usize) -> Vec<u8> {
    let mut builder = flatbuffers::FlatBufferBuilder::new();
    let name = builder.create_string(&"n".repeat(name));
    let mut int = arrow_ipc::IntBuilder::new(&mut builder);
    int.add_bitWidth(8);
    let int = int.finish().as_union_value();
    let children = builder.create_vector::<flatbuffers::WIPOffset<arrow_ipc::Field<'_>>>(&[]);
    let mut field = arrow_ipc::FieldBuilder::new(&mut builder);
    field.add_name(name);
    field.add_type_type(arrow_ipc::Type::Int);
    field.add_type_(int);
    field.add_children(children);
    let field = field.finish();
    let fields = builder.create_vector(&vec![field; times]);
    let mut schema = arrow_ipc::SchemaBuilder::new(&mut builder);
    schema.add_fields(fields);
    let schema = schema.finish().as_union_value();
    let mut message = arrow_ipc::MessageBuilder::new(&mut builder);
    message.add_version(arrow_ipc::MetadataVersion::V5);
    message.add_header_type(arrow_ipc::MessageHeader::Schema);
    message.add_header(schema);
    let message = message.finish();
    builder.finish(message, None);
    let mut metadata = builder.finished_data().to_vec();
    metadata.resize(metadata.len().next_multiple_of(8), 0);
    let length = u32::try_from(metadata.len()).unwrap();
    [&CONTINUATION[..], &length.to_le_bytes(), &metadata, &CONTINUATION, &[0; 4]].concat()
}

#[test]
fn columns_in_one_place_make_no_more_than_their_file_has() {
    assert_eq!(IpcStream::open(stream_of_one_column(3, 10).as_slice()).unwrap().schema().fields().len(), 3);
    // 4 MB, from which Arrow's reader would make texts of 900 MB.
    let refused = IpcStream::open(stream_of_one_column(300_000, 3000).as_slice()).unwrap_err();
    assert_eq!(refused, Fault::Damaged("its schema has more columns, or longer texts, than it has bytes".into()));
}
