//! Arrow IPC, files and streams. Arrow's own reader takes much for granted that a damaged or hostile file need not
//! keep to, so each message is looked at before it sees it: the schema (`schema.rs`), where buffers lie and what
//! compressed ones claim to hold (`message.rs`), whether they are as long as columns need them (`layout.rs`), the
//! positions of messages in a file (`file.rs`). What a batch becomes for scripts is `table_file.rs`'s.

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
