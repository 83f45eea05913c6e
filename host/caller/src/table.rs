//! Tables of a caller as they are sent and returned: Arrow IPC streams in shared memory. Flat columns are copied once,
//! from the caller's memory to the segment that the script maps.

use crate::error::CallerError;
use arrow_array::RecordBatchReader;
use arrow_schema::SchemaRef;
use longshore_segment::{
    Budget, DecodedBatch, Mapping, Segment, Side, TableDecoder, plain_batch, plain_schema, write_whole,
};

/// Writes a table as the host serves it to scripts: plain columns and, where that is possible, one batch. The pieces are
/// freed as they are written.
///
/// # Errors
/// [`CallerError`]: the reader's own error, a column that has no plain form, or no memory.
pub fn write_table(table: &mut dyn RecordBatchReader) -> Result<Segment, CallerError> {
    let plain = plain_schema(&table.schema(), Side::Input);
    let batches = table.map(|batch| plain_batch(&plain, &batch?)).collect::<Result<_, _>>();
    Ok(write_whole(&plain, batches.map_err(CallerError::Table)?)?)
}

/// Reads a table that a run returned, in place.
///
/// # Errors
/// [`CallerError`]: it is not a whole Arrow stream.
pub fn read_table(table: &Segment) -> Result<(SchemaRef, Vec<DecodedBatch>), CallerError> {
    let mut bytes = Mapping::private(table)?.into_buffer();
    let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
    let mut batches = Vec::new();
    while let Some(batch) = decoder.next(&mut bytes)? {
        batches.push(batch);
    }
    Ok((decoder.finish()?, batches))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringViewArray};
    use arrow_schema::DataType;
    use std::sync::Arc;

    fn batch(first: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new((first..first + 3).collect::<Int64Array>());
        let words: ArrayRef =
            Arc::new(StringViewArray::from(vec![Some("a text of more than twelve bytes"), None, Some("")]));
        RecordBatch::try_from_iter([("n", numbers), ("word", words)]).unwrap()
    }

    #[test]
    fn a_table_in_pieces_comes_back_as_one_batch_of_plain_columns() {
        let pieces = [batch(0), batch(3)];
        let schema = pieces[0].schema();
        let segment = write_table(&mut RecordBatchIterator::new(pieces.map(Ok), schema)).unwrap();
        let (schema, batches) = read_table(&segment).unwrap();
        assert_eq!((schema.field(0).data_type(), schema.field(1).data_type()), (&DataType::Int64, &DataType::Utf8));
        assert_eq!(batches.iter().map(|decoded| decoded.batch.num_rows()).collect::<Vec<_>>(), [6]);
        assert_eq!(batches[0].batch.column(0).as_ref(), &(0..6).collect::<Int64Array>() as &dyn arrow_array::Array);
        assert_eq!(batches[0].batch.column(1).null_count(), 2);
    }

    #[test]
    fn a_reader_that_fails_and_a_segment_without_a_table_are_errors() {
        let broken = arrow_schema::ArrowError::ComputeError("no more".into());
        let mut reader = RecordBatchIterator::new([Err(broken)], batch(0).schema());
        assert!(matches!(write_table(&mut reader), Err(CallerError::Table(_))));
        let segment = Segment::copy_of(&b"not a table, and long enough"[..]).unwrap();
        assert!(matches!(read_table(&segment), Err(CallerError::Segment(_))));
    }
}
