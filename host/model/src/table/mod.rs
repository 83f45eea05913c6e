//! Declarations of tables: their formats, types of columns, and options for reading and writing, in manifests and on
//! command lines. The crate `longshore-table` reads and writes tables by them.

mod bad_rows;
mod column_kind;
mod date_format;
mod format;
mod missing;
mod option_values;
mod option_words;
mod preview;
mod read_options;
mod text_encoding;
mod write_options;

pub use bad_rows::{BadRows, LaterFields};
pub use column_kind::{Column, ColumnKind};
pub use date_format::{Order, is_format, is_of_days};
pub use format::{Compression, FileFormat, Format, FormatError};
pub use missing::is_missing;
pub use option_values::{ColumnType, DateStyle, Delimiter, HeaderLines, Mark, OrderName, Ragged, Stray, TimeFormat};
pub use option_words::Words;
pub use preview::Preview;
pub use read_options::ReadOptions;
pub use text_encoding::{TextEncoding, named as encoding_named};
pub use write_options::{LineEnd, Quoting, WriteOptions};
