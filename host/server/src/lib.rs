//! The resident host: one process that serves the runs of a user's commands, notebooks and programs. It listens on a
//! Unix socket of its user; PROTOCOL.md describes what callers send, and `longshore-caller` is their side.
//!
//! [`Server`] owns the socket and its connections, `session` one connection and its run. Where it is asked for, `http`
//! serves the same over TCP, and `page` shows it to people.

mod asked;
mod blocks;
mod error;
mod folder;
mod follow;
mod gather;
mod http;
mod open;
mod outputs;
mod page;
mod problem;
mod rejection;
mod samples;
mod server;
mod session;
mod socket;
mod start;
mod tally;
mod web;
mod who;

pub use error::ServerError;
pub use http::HttpListening;
pub use server::{OUTPUTS_BYTES, Served, Server, ServerOptions};
pub use socket::{Listening, lock_of};
