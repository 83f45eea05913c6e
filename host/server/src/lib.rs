//! The resident host: one process that serves the runs of a user's commands, notebooks and programs. It listens on a
//! Unix socket of its user; PROTOCOL.md describes what callers send, and `longshore-caller` is their side.
//!
//! [`Server`] owns the socket and its connections, `session` one connection and its run.

mod error;
mod folder;
mod gather;
mod rejection;
mod server;
mod session;
mod socket;

pub use error::ServerError;
pub use server::{Served, Server, ServerOptions};
pub use socket::{Listening, lock_of};
