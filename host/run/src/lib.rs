//! Runs: requests, sessions with agent and script, inputs, outputs, parts, records and their history

pub mod connection;
pub mod cut;
pub mod hashes;
pub mod history;
pub mod input;
pub mod kept;
pub mod output;
pub mod partition;
pub mod record;
pub mod request;
pub mod run;
pub mod session;
pub mod single;
