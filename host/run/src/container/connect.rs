//! The beginning of a run in its container: its agent connects and is welcomed, or the reason why not.

use super::missing_sdk;
use crate::connection::say;
use crate::session::{Acceptor, AgentSession, Peer};
use longshore_engine::{Container, RunImage};
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::outcome::Evidence;
use longshore_model::remedy::Remedy;
use longshore_protocol::{ProtocolError, Role, ToAgent};
use std::time::Duration;

/// How long the agent of a container may take to connect. A cold page cache and a busy disk take seconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(60);

/// The minimum of it, even if the script's time limit is shorter: a cold start on a busy machine.
const CONNECT_MIN: Duration = Duration::from_secs(10);

/// Waits until the agent of a container has connected, not much longer than the run may take.
pub(crate) async fn wait_for_agent(
    acceptor: &mut Acceptor,
    container: &dyn Container,
    image: Option<&RunImage>,
    timeout: Option<Duration>,
    cancel: &Cancel,
) -> Result<AgentSession, NoAgent> {
    let limit = timeout.map_or(CONNECT_DEADLINE, |timeout| timeout.max(CONNECT_MIN)).min(CONNECT_DEADLINE);
    tokio::select! {
        peer = acceptor.next() => agent(peer, image),
        ended = container.wait() => {
            Err(NoAgent::Failed(format!("the container ended before its agent connected: {ended}")))
        }
        _ = cancel.beyond(CancelLevel::None) => Err(NoAgent::Cancelled),
        () = tokio::time::sleep(limit) => {
            Err(NoAgent::Failed(format!("the container's agent did not connect within {} s", limit.as_secs())))
        }
    }
}

/// The session of a peer that is an agent.
fn agent(peer: Peer, image: Option<&RunImage>) -> Result<AgentSession, NoAgent> {
    match peer {
        Peer::Greeted { role: Role::Agent, protocol, prepares, incoming, outgoing } => {
            Ok(AgentSession::welcome(incoming, outgoing, protocol, prepares))
        }
        Peer::Greeted { .. } => Err(NoAgent::Image("another program connected before the agent".into(), None)),
        Peer::Strange { error, outgoing } => {
            let reason = error.to_string();
            say(&outgoing, &ToAgent::Refused { reason: reason.clone() });
            let (reason, remedy) = match error {
                ProtocolError::Version(mismatch) => missing_sdk::other_version(image, &mismatch),
                _ => (reason, None),
            };
            Err(if image.is_some() { NoAgent::Image(reason, remedy) } else { NoAgent::Failed(reason) })
        }
        Peer::Broken(error) => Err(NoAgent::Failed(format!("cannot accept connections to the run: {error}"))),
    }
}

/// Why a container has no connected agent.
#[derive(Debug)]
pub(crate) enum NoAgent {
    Failed(String),
    /// The image's agent is missing or incompatible, and what the caller can do.
    Image(String, Option<Remedy>),
    Cancelled,
}

impl NoAgent {
    /// The evidence for the outcome.
    pub(crate) fn evidence(self) -> Evidence {
        let none = Evidence::default();
        match self {
            Self::Failed(reason) => Evidence { engine_failure: Some(reason), ..none },
            Self::Image(reason, failure_remedy) => Evidence { image_failure: Some(reason), failure_remedy, ..none },
            Self::Cancelled => Evidence { interrupted: true, ..none },
        }
    }
}
