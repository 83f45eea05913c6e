//! Tables in files: which formats there are, reading them with everything that can be wrong told by line and column,
//! and writing them. All of it blocks; the host calls it from threads that may.

mod cell;
mod chunks;
mod csv;
mod error;
mod feed;
mod format;
mod json;
mod live;
mod sink;
mod source;
mod text_columns;

pub use error::TableError;
pub(crate) use feed::Feed;
pub use format::{Compression, FileFormat, Format};
pub(crate) use live::LiveSource;
pub use sink::Sink;
pub use source::{Batches, Source};

/// Rows of a batch: a few megabytes of a usual table, so that a batch's columns stay in the processor's caches.
pub(crate) const BATCH_ROWS: usize = 65_536;
