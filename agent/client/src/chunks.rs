//! The input of a run that transforms a stream: one table for each chunk.

use crate::error::ClientError;
use crate::inputs::{InputBatches, InputTable};

/// Chunks in order. An input without rows is one chunk without rows, so that the script sees its columns.
#[derive(Debug)]
pub struct Chunks {
    batches: InputBatches,
    any: bool,
}

impl Chunks {
    pub(crate) fn new(batches: InputBatches) -> Self {
        Self { batches, any: false }
    }

    fn empty(&self) -> InputTable {
        InputTable { schema: self.batches.schema(), batches: Vec::new() }
    }
}

impl Iterator for Chunks {
    type Item = Result<InputTable, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.batches.next();
        let first = !std::mem::replace(&mut self.any, true);
        match next {
            Some(Ok(decoded)) => Some(Ok(InputTable { schema: decoded.batch.schema(), batches: vec![decoded] })),
            Some(Err(error)) => Some(Err(error)),
            None => first.then(|| Ok(self.empty())),
        }
    }
}
