//! Batches cut and joined to one size, so that a stream's chunks do not depend on how its file was written.

use super::batches::Batches;
use super::error::TableError;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use std::collections::VecDeque;

/// Bytes of values at which a chunk is complete, however few rows it has: 16 of the largest batches of usual rows.
const CHUNK_BYTES: usize = 512 << 20;

/// Assumed bytes of a value, for the limit of rows.
const VALUE_BYTES: usize = 16;

/// Batches of `rows` rows each, except the last; fewer rows if they are so wide or so long that they would take all
/// memory.
pub(crate) struct Chunks {
    batches: Batches,
    schema: SchemaRef,
    rows: usize,
    waiting: VecDeque<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    ended: bool,
}

impl Chunks {
    pub(crate) fn new(batches: Batches, schema: SchemaRef, rows: usize) -> Self {
        let rows = rows.min(CHUNK_BYTES / VALUE_BYTES / schema.flattened_fields().len().max(1)).max(1);
        Self { batches, schema, rows, waiting: VecDeque::new(), waiting_rows: 0, waiting_bytes: 0, ended: false }
    }

    /// Takes the first of the waiting rows: a chunk, or all that are left.
    fn take(&mut self) -> Result<RecordBatch, TableError> {
        let mut wanted = self.rows.min(self.waiting_rows);
        self.waiting_rows -= wanted;
        let mut parts = Vec::new();
        while wanted > 0 {
            let Some(first) = self.waiting.pop_front() else { break };
            let length = wanted.min(first.num_rows());
            if length < first.num_rows() {
                self.waiting.push_front(first.slice(length, first.num_rows() - length));
            }
            wanted -= length;
            parts.push(first.slice(0, length));
        }
        self.waiting_bytes = self.waiting.iter().map(bytes).sum();
        match parts.as_slice() {
            [whole] => Ok(whole.clone()),
            parts => concat_batches(&self.schema, parts)
                .map_err(|source| TableError::Arrow { path: std::path::PathBuf::new(), source }),
        }
    }
}

impl Iterator for Chunks {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended && self.waiting_rows < self.rows && self.waiting_bytes < CHUNK_BYTES {
            match self.batches.next() {
                Some(Ok(batch)) => {
                    self.waiting_rows += batch.num_rows();
                    self.waiting_bytes += bytes(&batch);
                    self.waiting.push_back(batch);
                }
                Some(Err(error)) => {
                    self.ended = true;
                    self.waiting_rows = 0;
                    return Some(Err(error));
                }
                None => self.ended = true,
            }
        }
        (self.waiting_rows > 0).then(|| self.take())
    }
}

/// Bytes of a batch's values; of a sliced array, only those of the slice.
fn bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, cast::AsArray, types::Int64Type};
    use std::sync::Arc;

    #[test]
    fn chunks_do_not_depend_on_the_batches() {
        let batch = |values: Vec<i64>| RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(values)) as _)]);
        for lengths in [vec![10], vec![1; 10], vec![3, 0, 4, 3], vec![7, 3]] {
            let mut next = 0;
            let batches: Vec<_> = lengths
                .iter()
                .map(|length| {
                    let values = (next..next + length).collect();
                    next += length;
                    batch(values).unwrap()
                })
                .collect();
            let schema = batches[0].schema();
            let chunks = Chunks::new(Box::new(batches.into_iter().map(Ok)), schema, 4);
            let found: Vec<Vec<i64>> =
                chunks.map(|chunk| chunk.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
            assert_eq!(found, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]], "{lengths:?}");
        }
    }
}
