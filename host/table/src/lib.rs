//! Tables in files: their formats, reading with all errors reported by line and column, and writing. All functions
//! block; the host calls them from threads that may block.

mod bad_rows;
mod batches;
mod blocks;
pub mod budget;
mod cell;
mod cells;
mod chunks;
mod column_kind;
mod column_names;
mod contract;
mod csv;
mod csv_blocks;
mod days;
mod detect;
mod dialect;
#[cfg(test)]
#[path = "../../model/src/dice.rs"]
mod dice;
mod encoding;
mod error;
mod findings;
mod first_look;
mod given;
mod glance;
mod guard;
mod header;
mod held;
mod ipc;
mod json;
mod live;
mod marks;
mod number;
mod parquet_file;
mod parquet_footer;
mod parquet_pages;
mod parquet_parts;
mod parts;
mod parts_found;
mod parts_types;
mod passing_batches;
mod patience;
mod peek;
mod peek_sample;
mod preamble;
mod preview;
mod pump;
mod record_error;
mod records;
mod room;
mod rows;
mod rows_ahead;
mod sample;
mod seen;
mod signature;
mod sink;
mod slices;
mod source;
mod surplus;
mod table_file;
mod table_source;
mod text_columns;
mod text_looks;
mod thrift;
mod time;
mod unpack;
mod verdict;
mod window;
mod workbook;
mod workbook_cells;
mod workbook_parts;
mod written;
mod zip_file;

pub use bad_rows::Tally;
pub use batches::Batches;
pub use column_kind::{columns, in_words, kind_of};
pub use contract::check_columns;
pub use error::TableError;
pub use findings::{ColumnFindings, Findings};
pub use given::BatchReader;
pub use glance::Glance;
pub use guard::{Panicked, guarded};
pub use live::LiveSource;
pub use longshore_model::table::{
    BadRows, Column, ColumnKind, ColumnType, Compression, DateStyle, Delimiter, FileFormat, Format, FormatError,
    HeaderLines, LaterFields, LineEnd, Mark, OrderName, Preview, Quoting, Ragged, ReadOptions, Stray, TimeFormat,
    Words, WriteOptions,
};
pub use passing_batches::PassingBatches;
pub use peek::{Peek, PeekColumn, Sample};
pub use preview::{add_rows, preview_of};
pub use sink::{Allowance, Sink};
pub use source::Source;
pub use table_source::TableSource;

/// Maximum bytes of one row of a text. A quote that is never closed, or a line that never ends, would take all memory.
pub(crate) const ROW_BYTES_MAX: usize = 64 << 20;

/// Maximum number of columns of a table of text, including all fields of nested objects. Each takes about two KiB while
/// it is examined, so that all take 200 MiB.
pub(crate) const COLUMNS_MAX: usize = 100_000;

/// Maximum number of values of a batch, including missing ones: 4 Mi numbers take 32 MiB. A row of a few bytes may lack
/// the values of 100,000 columns, and each of them takes memory.
pub(crate) const BATCH_VALUES: usize = 4 << 20;

/// Maximum rows of a batch of `columns` columns.
pub(crate) fn batch_rows(columns: usize) -> usize {
    (BATCH_VALUES / columns.max(1)).clamp(1, BATCH_ROWS)
}

/// Maximum rows of a batch: a few megabytes of a usual table, so that its columns stay in the processor's caches.
pub(crate) const BATCH_ROWS: usize = 65_536;

/// Bytes of values at which a batch of long rows ends: one row may have the stream's window of 64 MiB, and the offsets
/// of texts stay far below their limit of 2 GiB.
pub(crate) const BATCH_BYTES: usize = 32 << 20;
