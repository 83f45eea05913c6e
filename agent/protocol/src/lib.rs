//! The wire between a Longshore host, its containers and its callers.
//!
//! All sides link this crate: the agent, the client behind the SDKs, callers, and the host. It owns the frames, the messages,
//! their limits and the negotiation of versions; PROTOCOL.md is its specification. It knows no engine, no Arrow and no
//! async runtime, and it starts no threads.
//!
//! Reading and writing are sans-I/O ([`Reader`], [`Sending`]): the blocking [`SocketConnection`] and the host's
//! asynchronous one run the same code. No other code parses a frame's JSON.
//!
//! ```
//! use longshore_protocol::{Frame, FromScript, Payload, Place, Reader, Sending, StreamId};
//!
//! // The script's side: a message and its payload become bytes, of which a socket takes as many as it has room for.
//! let data = FromScript::Data { stream: StreamId(1), place: Place::Inline };
//! let mut sending = Sending::new(Frame::with(&data, Payload::Inline(b"table".to_vec())))?;
//! let mut wire = Vec::new();
//! while !sending.is_done() {
//!     let taken = sending.parts().concat()[0];
//!     wire.push(taken);
//!     sending.advance(1);
//! }
//!
//! // The host's side: bytes go in as they arrive, and messages come out when they are whole.
//! let mut reader = Reader::<FromScript>::new();
//! reader.push(&wire[..30]);
//! assert!(reader.next_message()?.is_none());
//! reader.push(&wire[30..]);
//! let (message, payload) = reader.next_message()?.ok_or("no message")?;
//! assert_eq!((message, payload.into_bytes()), (data, b"table".to_vec()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod causes;
mod chain;
mod codec;
mod connection;
mod dry_run;
mod error;
mod file_path;
mod frame;
mod from_agent;
mod from_caller;
mod from_script;
mod hello;
pub mod limits;
mod memory;
mod message;
mod payload;
mod reader;
mod sending;
mod socket;
mod software;
mod stream;
mod submission;
mod to_agent;
mod to_caller;
mod to_script;
mod version;

pub use chain::{CHAINS, SubmittedChain, SubmittedConnection, SubmittedStep};
pub use connection::{Receiver, Sender, SocketConnection};
pub use dry_run::DryRunFile;
pub use error::{ConnectionError, ProtocolError};
pub use file_path::is_file_path;
pub use frame::{Frame, HEADER_BYTES, MAGIC};
pub use from_agent::{Dropped, Exit, ExitStatus, FromAgent, LeftOut, LogSource, Usage};
pub use from_caller::FromCaller;
pub use from_script::{Delivery, FromScript, OutputName, Place, Word};
pub use hello::{Hello, PREPARES, Role};
pub use memory::{MemoryConnection, MemoryReceiver, MemorySender};
pub use message::Message;
pub use payload::{Carries, Payload, PayloadKind};
pub use reader::Reader;
pub use sending::Sending;
pub use socket::{receive_once, send_once};
pub use software::Software;
pub use stream::{ArenaId, ReceiveWindow, SendWindow, StreamId};
pub use submission::{
    Submission, SubmittedBlock, SubmittedInput, SubmittedLimits, SubmittedMount, SubmittedName, SubmittedOutput,
    SubmittedPartition, SubmittedTable, SubmittedValue,
};
pub use to_agent::{Begin, CancelLadder, KeepLimits, Prepare, ToAgent, User};
pub use to_caller::{Glimpse, Rejection, ToCaller};
pub use to_script::{RunFacts, ToScript};
pub use version::{Capability, Version, VersionMismatch, VersionRange};
