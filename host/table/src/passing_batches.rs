//! Record batches of a program that can be read only once, for a block that transforms them as a stream.

use super::batches::Batches;
use arrow_schema::SchemaRef;
use std::sync::{Arc, Mutex, PoisonError};

/// Batches that can be read once, for a block that transforms a stream.
pub struct PassingBatches {
    schema: SchemaRef,
    batches: Mutex<Option<Batches>>,
}

impl std::fmt::Debug for PassingBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PassingBatches").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PassingBatches {
    pub(super) fn new(schema: SchemaRef, batches: Batches) -> Self {
        Self { schema, batches: Mutex::new(Some(batches)) }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The batches as they arrive, each of at most `rows` rows; `None` the second time. They are not joined, because
    /// the next one may be delayed.
    pub(super) fn chunks(&self, rows: usize) -> Option<Batches> {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let rows = rows.max(1);
        Some(Box::new(batches.flat_map(move |batch| match batch {
            Ok(batch) => {
                let starts = (0..batch.num_rows()).step_by(rows);
                let piece = |start| Ok(batch.slice(start, rows.min(batch.num_rows() - start)));
                starts.map(piece).collect::<Vec<_>>()
            }
            Err(error) => vec![Err(error)],
        })))
    }
}
