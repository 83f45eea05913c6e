//! Requirements of a run that transforms a stream: one input, one output, and a valid chunk size.

use super::{RequestError, RunRequest};
use longshore_block::Block;

/// Default rows of a chunk: a few megabytes of a usual table.
pub const CHUNK_ROWS: u32 = 65_536;

/// Most rows of a chunk: 128 MiB for each column of numbers.
const CHUNK_ROWS_MAX: u32 = 1 << 24;

impl RunRequest {
    /// Checks the requirements of streams. Returns the rows of a chunk.
    pub(super) fn check_stream(&self, block: &Block) -> Result<u32, RequestError> {
        if self.inputs.len() != 1 || self.inputs.iter().any(|input| input.number.unwrap_or(0) != 0) {
            let given = match self.inputs.as_slice() {
                [] => "none is connected".into(),
                [_] => "another is connected".into(),
                many => format!("{} are connected", many.len()),
            };
            return Err(RequestError::StreamInputs { given });
        }
        if let Some(outputs) = block.outputs.as_ref().filter(|outputs| outputs.len() != 1) {
            return Err(RequestError::StreamOutputs { given: format!("this block declares {}", outputs.len()) });
        }
        if self.outputs.len() > 1 {
            return Err(RequestError::StreamOutputs { given: format!("{} are asked for", self.outputs.len()) });
        }
        if self.chunk_rows == 0 || self.chunk_rows > CHUNK_ROWS_MAX {
            return Err(RequestError::ChunkRows { rows: self.chunk_rows, most: CHUNK_ROWS_MAX });
        }
        Ok(self.chunk_rows)
    }
}
