//! The parts of Arrow that stand in this crate's signatures, under the names that the crate `arrow` has for them: of the
//! version that this crate uses, which an embedding program needs.

pub use arrow_array as array;
pub use arrow_array::{RecordBatch, RecordBatchReader};
pub use arrow_schema as datatypes;
pub use arrow_schema::{ArrowError, Schema, SchemaRef};
