//! Where an input's rows come from: a file that is there, or a source that is still being made.

use super::chunks::Chunks;
use super::error::TableError;
use super::live::LiveSource;
use super::source::{Batches, Source};
use arrow_schema::SchemaRef;

/// An input's rows.
#[derive(Debug)]
pub(crate) enum Feed {
    /// A file, which can be read as often as is needed.
    Stored(Source),
    /// A source that passes once.
    Live(LiveSource),
}

impl Feed {
    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Stored(source) => source.schema(),
            Self::Live(source) => source.schema(),
        }
    }

    /// The rows in chunks of so many; a source that pauses ends a chunk early. `None` where they have passed already.
    pub(crate) fn chunks(&self, rows: usize) -> Result<Option<Batches>, TableError> {
        match self {
            Self::Stored(source) => Ok(Some(Box::new(Chunks::new(source.batches()?, source.schema(), rows)))),
            Self::Live(source) => source.batches(rows),
        }
    }
}
