//! Tables in shared memory. A table is an Arrow IPC stream; a *segment* is sealed shared memory that holds whole
//! messages of one, an *arena* is memory that the host lends a script to write one into.
//!
//! The host writes segments and reads arenas, the client the other way round; both sides' code is here so that one
//! cannot change without the other. This crate knows Arrow and shared memory; sockets and messages are the protocol
//! crate's.

mod append;
mod arena;
mod budget;
mod collect;
mod decode;
mod encode;
mod error;
mod flat;
mod mapping;
mod memory;
mod messages;
mod plain;
mod weight;

pub use append::{Matching, first_schema, widened};
pub use arena::{Arena, ArenaWriter, LentArena};
pub use budget::{Budget, OverBudget, Taken};
pub use collect::Collector;
pub use decode::{DecodedBatch, TableDecoder};
pub use encode::{BatchEncoder, SegmentStream, write_flat, write_whole};
pub use error::SegmentError;
pub use flat::{Extent, Part, is_flat};
pub use mapping::{Mapping, return_freed_memory};
pub use memory::{Segment, SegmentFile};
pub use messages::first_message;
pub use plain::{Side, bare, convert_leaves, plain_array, plain_batch, plain_bytes, plain_schema};
pub use weight::{cut, weight};
