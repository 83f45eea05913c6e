//! Batches in the form that scripts receive: plain columns, cut where their values take many bytes. A file's own
//! batches may be of any size, and short ones become long when views and categories are expanded.

use super::BATCH_BYTES;
use super::error::TableError;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use longshore_segment::{bare, plain_batch, plain_bytes};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Batches with a plain schema, made from batches with the original schema.
pub(super) struct Plain<I> {
    batches: I,
    path: PathBuf,
    schema: SchemaRef,
    waiting: VecDeque<RecordBatch>,
}

impl<I> Plain<I> {
    pub(super) fn new(batches: I, path: PathBuf, schema: SchemaRef) -> Self {
        Self { batches, path, schema, waiting: VecDeque::new() }
    }
}

impl<I: Iterator<Item = Result<RecordBatch, TableError>>> Iterator for Plain<I> {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = loop {
            let Some(piece) = self.waiting.pop_front() else {
                match self.batches.next()? {
                    Ok(batch) => self.waiting.push_back(batch),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            if piece.num_rows() < 2 || bytes(&piece) <= BATCH_BYTES as u64 {
                break piece;
            }
            let half = piece.num_rows() / 2;
            self.waiting.push_front(piece.slice(half, piece.num_rows() - half));
            self.waiting.push_front(piece.slice(0, half));
        };
        Some(plain_batch(&self.schema, &piece).map_err(|error| {
            // The library's message follows ours.
            TableError::Damaged { path: self.path.clone(), reason: bare(&error) }
        }))
    }
}

fn bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| plain_bytes(column.as_ref())).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray, StringViewArray};
    use longshore_segment::{Side, plain_schema};
    use std::sync::Arc;

    #[test]
    fn long_values_are_cut_into_batches_that_hold_them() {
        let long = "x".repeat(1 << 20);
        let keys = Int32Array::from(vec![0; 300]);
        let categories = DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(vec![long.as_str()])));
        let views = StringViewArray::from(vec![long.as_str(); 300]);
        let columns: [(&str, ArrayRef); 2] = [("c", Arc::new(categories)), ("v", Arc::new(views))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let schema = plain_schema(&batch.schema(), Side::Output);
        let plain = Plain::new(std::iter::once(Ok(batch)), PathBuf::new(), schema);
        let batches: Vec<RecordBatch> = plain.collect::<Result<_, _>>().unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 300);
        assert!(batches.iter().all(|batch| batch.get_array_memory_size() <= BATCH_BYTES + (1 << 20)));
    }
}
