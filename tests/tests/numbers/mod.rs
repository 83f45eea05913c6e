//! A table of numbers in memory, and its rows again, as a caller of a host sends and gets them.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use longshore_segment::{Budget, Mapping, Segment, TableDecoder, write_whole};
use std::sync::Arc;

/// A table with one column, `n`, of the numbers from 0.
pub(crate) fn table(rows: i64) -> Segment {
    let column: ArrayRef = Arc::new((0..rows).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    write_whole(&batch.schema(), vec![batch]).unwrap()
}

/// The numbers of the first column.
pub(crate) fn rows(segment: &Segment) -> Vec<i64> {
    let mut bytes = Mapping::private(segment).unwrap().into_buffer();
    let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
    let mut rows = Vec::new();
    while let Some(decoded) = decoder.next(&mut bytes).unwrap() {
        rows.extend(decoded.batch.column(0).as_primitive::<Int64Type>().values().iter());
    }
    decoder.finish().unwrap();
    rows
}
