//! Arrow IPC, files and streams. Arrow's own reader makes assumptions that a damaged or hostile file need not satisfy,
//! so each message is checked first: the schema (`schema.rs`), the places of buffers and the sizes that compressed ones
//! claim (`message.rs`), the lengths that columns need (`layout.rs`), the positions of messages in a file (`file.rs`).
//! `table_file.rs` converts the batches for scripts.

mod decode;
mod direct;
mod fault;
mod file;
mod layout;
mod message;
mod schema;
mod stream;

pub(super) use fault::Fault;
pub(super) use file::IpcFile;
pub(super) use schema::check_embedded;
pub(super) use stream::{IpcStream, starts_a_stream};

#[cfg(test)]
mod tests;
