//! Tables through shared memory and back: every layout, cut anywhere, and what hostile bytes come to.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, NullArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::Buffer;
use longshore_segment::{BatchEncoder, Budget, Mapping, SegmentError, TableDecoder, write_whole};
use std::sync::Arc;

fn flat(start: i64, rows: i64) -> RecordBatch {
    let all = start..start + rows;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("int", Arc::new(all.clone().collect::<Int64Array>())),
        ("gaps", Arc::new(all.clone().map(|n| (n % 3 != 0).then_some(n)).collect::<Int64Array>())),
        ("float", Arc::new(all.clone().map(|n| (n % 2 == 0).then_some(1.5)).collect::<Float64Array>())),
        ("bool", Arc::new(all.clone().map(|n| Some(n % 3 == 1)).collect::<BooleanArray>())),
        ("maybe", Arc::new(all.clone().map(|n| (n % 5 != 0).then_some(n % 2 == 0)).collect::<BooleanArray>())),
        ("text", Arc::new(all.clone().map(|n| (n % 4 != 0).then(|| format!("ü{n}"))).collect::<StringArray>())),
        (
            "large",
            Arc::new(
                all.clone().map(|n| Some("x".repeat(usize::try_from(n % 7).unwrap()))).collect::<LargeStringArray>(),
            ),
        ),
        ("time", Arc::new(TimestampMicrosecondArray::from(all.collect::<Vec<i64>>()).with_timezone("UTC"))),
        ("null", Arc::new(NullArray::new(usize::try_from(rows).unwrap()))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn nested() -> RecordBatch {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a"), None]);
    list.append_null();
    list.append_value([Some("b")]);
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![("list", Arc::new(list.finish())), ("dict", Arc::new(dictionary))];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn bytes(batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = BatchEncoder::new(&batches[0].schema(), Vec::new()).unwrap();
    for batch in batches {
        encoder.write(batch).unwrap();
    }
    std::mem::take(encoder.target())
}

fn decode(
    mut decoder: TableDecoder,
    pieces: impl IntoIterator<Item = Buffer>,
) -> Result<Vec<RecordBatch>, SegmentError> {
    let mut batches = Vec::new();
    for mut piece in pieces {
        while let Some(decoded) = decoder.next(&mut piece)? {
            batches.push(decoded.batch);
        }
    }
    decoder.finish()?;
    Ok(batches)
}

fn untrusting(bytes: &[u8]) -> Result<Vec<RecordBatch>, SegmentError> {
    decode(TableDecoder::untrusting(&Budget::unlimited()), [Buffer::from(bytes)])
}

#[allow(unsafe_code, reason = "the bytes were just written by this crate")]
fn trusting() -> TableDecoder {
    // SAFETY: every use in this file decodes what `write_whole` has just written.
    unsafe { TableDecoder::trusting() }
}

#[test]
fn pieces_become_one_batch_in_place() {
    let pieces = vec![flat(0, 100), flat(100, 1).slice(0, 0), flat(100, 1000).slice(17, 500), flat(7, 3)];
    let expected = arrow_select::concat::concat_batches(&pieces[0].schema(), &pieces).unwrap();
    let segment = write_whole(&expected.schema(), pieces).unwrap();
    let mut memory = Mapping::private(&segment).unwrap().into_buffer();
    let range = memory.as_ptr_range();
    let mut decoder = trusting();
    let decoded = decoder.next(&mut memory).unwrap().unwrap();
    assert!(decoder.next(&mut memory).unwrap().is_none());
    assert_eq!(decoded.batch, expected);
    for (index, column) in decoded.batch.columns().iter().enumerate() {
        for buffer in column.to_data().buffers() {
            assert!(range.contains(&buffer.as_ptr()) || buffer.is_empty(), "column {index} was copied");
            assert_eq!(buffer.as_ptr() as usize % 64, 0, "column {index} is aligned");
        }
    }
    let [(3, booleans)] = decoded.boolean_bytes.as_slice() else {
        panic!("one boolean column has no nulls: {:?}", decoded.boolean_bytes);
    };
    let values: Vec<u8> = expected
        .column(3)
        .as_any()
        .downcast_ref::<BooleanArray>()
        .unwrap()
        .iter()
        .map(|value| u8::from(value.unwrap()))
        .collect();
    assert_eq!(booleans.as_slice(), values);
}

#[test]
fn nested_columns_come_through_too() {
    let segment = write_whole(&nested().schema(), vec![nested(), nested()]).unwrap();
    let memory = Mapping::private(&segment).unwrap().into_buffer();
    let decoded = decode(trusting(), [memory]).unwrap();
    assert_eq!(arrow_select::concat::concat_batches(&nested().schema(), &decoded).unwrap().num_rows(), 6);
    assert_eq!(untrusting(&bytes(&[nested()])).unwrap(), vec![nested()]);
}

#[test]
fn a_table_without_rows_keeps_its_columns() {
    let schema = flat(0, 1).schema();
    let segment = write_whole(&schema, vec![]).unwrap();
    let decoded = decode(trusting(), [Mapping::private(&segment).unwrap().into_buffer()]).unwrap();
    assert_eq!((decoded.len(), decoded[0].num_rows(), decoded[0].schema()), (1, 0, schema));
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let batches = [flat(0, 50), flat(50, 20)];
    let whole = bytes(&batches);
    for step in [1, 7, 64, 1000, whole.len()] {
        let pieces = whole.chunks(step).map(Buffer::from);
        assert_eq!(
            decode(TableDecoder::untrusting(&Budget::unlimited()), pieces).unwrap(),
            batches,
            "cut every {step} bytes"
        );
    }
}

#[test]
fn a_stream_that_ends_early_is_told() {
    let whole = bytes(&[flat(0, 50)]);
    for end in [0, 5, 100, whole.len() - 1] {
        let reason = untrusting(&whole[..end]).unwrap_err().to_string();
        assert!(reason.contains("it ends"), "{end} of {} bytes: {reason}", whole.len());
    }
}

#[test]
fn no_single_broken_byte_goes_further_than_an_error() {
    let whole = bytes(&[flat(0, 9)]);
    let (mut errors, mut changed) = (0, 0);
    for position in 0..whole.len() {
        for value in [0x00, 0x7f, 0xff, whole[position] ^ 0x10] {
            let mut broken = whole.clone();
            broken[position] = value;
            match untrusting(&broken) {
                Err(_) => errors += 1,
                // What still reads must be sound: every value can be looked at.
                Ok(batches) => {
                    changed += 1;
                    for column in batches.iter().flat_map(RecordBatch::columns) {
                        column.to_data().validate_full().unwrap();
                    }
                }
            }
        }
    }
    assert!(errors > 100 && changed > 100, "{errors} errors, {changed} other tables");
}
