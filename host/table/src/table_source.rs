//! The source of an input's rows: a complete file, or one that is still being written.

use super::bad_rows::Tally;
use super::batches::Batches;
use super::chunks::Chunks;
use super::error::TableError;
use super::findings::Findings;
use super::live::LiveSource;
use super::passing_batches::PassingBatches;
use super::source::Source;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use longshore_segment::Segment;
use std::io::Read;
use std::sync::Arc;

/// An input's rows.
#[derive(Debug)]
pub enum TableSource {
    /// A file, which can be read any number of times.
    Stored(Source),
    /// Rows in memory.
    Memory {
        /// Their columns.
        schema: SchemaRef,
        /// The batches.
        batches: Vec<RecordBatch>,
        /// The same as one segment, if they came so and need no conversion.
        segment: Option<Arc<Segment>>,
    },
    /// A source that can be read once.
    Live(LiveSource),
    /// Batches that can be read once.
    Passing(PassingBatches),
}

impl TableSource {
    /// The names and types of its columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Stored(source) => source.schema(),
            Self::Memory { schema, .. } => Arc::clone(schema),
            Self::Live(source) => source.schema(),
            Self::Passing(batches) => batches.schema(),
        }
    }

    /// The columns; a column of text without any value has no type.
    pub fn known_schema(&self) -> SchemaRef {
        match self {
            Self::Stored(source) => source.known_schema(),
            Self::Memory { schema, .. } => Arc::clone(schema),
            Self::Live(source) => source.known_schema(),
            Self::Passing(batches) => batches.schema(),
        }
    }

    /// Bad rows found while it is read.
    pub fn tally(&self) -> Option<Tally> {
        match self {
            Self::Stored(_) | Self::Memory { .. } | Self::Passing(_) => None,
            Self::Live(source) => Some(source.tally()),
        }
    }

    /// How its text is read.
    pub fn findings(&self) -> Option<&Findings> {
        match self {
            Self::Stored(source) => source.findings(),
            Self::Memory { .. } | Self::Passing(_) => None,
            Self::Live(source) => source.findings(),
        }
    }

    /// The number of rows, if it is known without reading them.
    pub fn rows(&self) -> Option<u64> {
        match self {
            Self::Stored(source) => source.rows(),
            Self::Memory { .. } | Self::Live(_) | Self::Passing(_) => None,
        }
    }

    /// The number of bytes of the file with the rows, and the bytes; those of many files follow one another. `None` if
    /// there is no file that can be read again.
    pub fn bytes(&self) -> Option<(u64, Box<dyn Read + Send>)> {
        match self {
            Self::Stored(source) => source.bytes().ok(),
            Self::Memory { .. } | Self::Live(_) | Self::Passing(_) => None,
        }
    }

    /// The rows as a segment, if they need no conversion; `fits` returns whether that many bytes may be taken.
    pub fn segment(&self, fits: &mut dyn FnMut(u64) -> bool) -> Option<Segment> {
        match self {
            Self::Stored(source) => source.segment(fits),
            Self::Memory { segment, .. } => {
                let segment = segment.as_ref().filter(|segment| fits(segment.length()))?;
                Segment::receive(segment.share().ok()?, segment.length()).ok()
            }
            Self::Live(_) | Self::Passing(_) => None,
        }
    }

    /// The rows in the source's own batches; `None` if they can be read only once.
    pub fn stored(&self) -> Result<Option<Batches>, TableError> {
        match self {
            Self::Stored(source) => source.batches().map(Some),
            Self::Memory { batches, .. } => Ok(Some(Box::new(batches.clone().into_iter().map(Ok)))),
            Self::Live(_) | Self::Passing(_) => Ok(None),
        }
    }

    /// The rows in chunks of `rows`; a source that pauses ends a chunk early. `None` if they have already been read.
    pub fn chunks(&self, rows: usize) -> Result<Option<Batches>, TableError> {
        match (self, self.stored()?) {
            (Self::Live(source), _) => source.batches(rows),
            (Self::Passing(batches), _) => Ok(batches.chunks(rows)),
            (_, batches) => Ok(batches.map(|batches| Box::new(Chunks::new(batches, self.schema(), rows)) as Batches)),
        }
    }
}
