//! The parts of Arrow in this crate's signatures, under their names in the crate `arrow`. Embedding programs need this
//! version of Arrow.

pub use arrow_array as array;
pub use arrow_array::{RecordBatch, RecordBatchReader};
pub use arrow_schema as datatypes;
pub use arrow_schema::{ArrowError, Schema, SchemaRef};
