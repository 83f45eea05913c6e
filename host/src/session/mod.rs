//! The host's side of the protocol: one file for the socket and who may connect to it, one for the transport, one for the
//! agent's connection, one for the script's.

mod agent;
mod link;
mod listener;
mod missing_sdk;
mod script;

pub(crate) use agent::{AgentEnd, AgentSession, BlockFile};
pub(crate) use link::{Outgoing, greet, open};
pub(crate) use listener::{Listener, Peers};
pub(crate) use script::{ScriptEnd, ScriptSession};
