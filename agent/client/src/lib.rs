//! The script's side of a run, in blocking Rust: the basis of the SDKs for Python and R.
//!
//! [`Client`] is one connection to the host. It has the run's facts and options, reads inputs, writes outputs, sends
//! messages, and gives the script's verdict. It depends on no language, starts one thread at most (for messages that
//! are held back), and can be used from several threads. Without a host it can serve a dry run from a folder, so that
//! a script can be developed in a plain interpreter.

mod chunks;
mod client;
mod dry_run;
mod error;
mod inputs;
mod link;
mod names;
mod outputs;
mod reports;

pub use chunks::Chunks;
pub use client::{Client, ConnectSettings};
pub use error::ClientError;
pub use inputs::{InputBatches, InputTable};
pub use longshore_protocol::causes::chain;
pub use longshore_protocol::{OutputName, RunFacts, Software, Word};
pub use longshore_segment::DecodedBatch;
pub use names::{InputName, UnknownInput};
