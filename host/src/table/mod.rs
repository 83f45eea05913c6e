//! Tables in files: which formats there are, reading them with everything that can be wrong told by line and column,
//! and writing them. All of it blocks; the host calls it from threads that may.

mod bad_rows;
mod batches;
mod blocks;
mod cell;
mod cells;
mod chunks;
mod column_kind;
mod contract;
mod csv;
mod csv_blocks;
mod days;
mod dialect;
mod encoding;
mod error;
mod feed;
mod findings;
mod format;
mod glance;
mod guard;
mod header;
mod held;
mod ipc;
mod json;
mod live;
mod marks;
mod number;
mod option_values;
mod option_words;
mod options;
mod parquet_file;
mod parquet_footer;
mod parquet_pages;
mod parquet_parts;
mod parts;
mod parts_found;
mod parts_types;
mod peek;
mod peek_sample;
mod preamble;
mod record_error;
mod records;
mod rows;
mod rows_ahead;
mod sample;
mod seen;
mod signature;
mod sink;
mod slices;
mod source;
mod surplus;
mod text_columns;
mod text_looks;
mod thrift;
mod time;
mod unpack;
mod verdict;
mod window;
mod workbook;
mod workbook_cells;
mod written;
mod zip_file;

pub(crate) use bad_rows::Tally;
pub use bad_rows::{BadRows, LaterFields};
pub use batches::Batches;
pub(crate) use column_kind::{ColumnKind, in_words};
pub(crate) use contract::check_columns;
pub use error::TableError;
pub(crate) use feed::Feed;
pub use findings::{ColumnFindings, Findings};
pub use format::{Compression, FileFormat, Format};
pub use glance::Glance;
pub(crate) use guard::guarded;
pub(crate) use live::LiveSource;
pub use option_values::{ColumnType, DateStyle, Delimiter, HeaderLines, Mark, OrderName, Ragged, Stray, TimeFormat};
pub use option_words::Words;
pub use options::ReadOptions;
pub use peek::{Peek, PeekColumn, Sample};
pub(crate) use sink::Allowance;
pub use sink::{LineEnd, Quoting, Sink, WriteOptions};
pub use source::Source;

/// Rows of a batch: a few megabytes of a usual table, so that a batch's columns stay in the processor's caches.
pub(crate) const BATCH_ROWS: usize = 65_536;

/// Bytes of a batch's values, about, where rows are long: a row of the stream's window of 64 MiB may be one of them, and
/// the offsets of a column's texts are far from the 2 GiB that they reach.
pub(crate) const BATCH_BYTES: usize = 32 << 20;
