//! The host's side of the protocol: one file for accepting connections, one for the agent's connection, one for the
//! script's. `connection` owns their transport.

mod acceptor;
mod agent;
mod files;
mod missing_sdk;
mod preparing;
mod script;
#[cfg(test)]
mod tests;

pub(crate) use acceptor::{Acceptor, Peer};
pub(crate) use agent::{AgentEnd, AgentSession, AgentWord, Logs};
pub(crate) use preparing::Waiting;
pub(crate) use script::{ScriptEnd, ScriptSession, Served};
