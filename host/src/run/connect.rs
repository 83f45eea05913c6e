//! The beginning of a run in its container: its agent connects and is welcome, or why not.

use super::{Run, chain, lacking};
use crate::cancel::CancelLevel;
use crate::engine::{Container, RunImage};
use crate::outcome::Evidence;
use crate::session::{AgentSession, Listener, greet, open};
use longshore_protocol::{ConnectionError, Frame, ProtocolError, Role, ToAgent};
use std::time::Duration;

/// How long a container may take until its agent has connected. A cold page cache and a busy disk take seconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(60);

impl Run<'_> {
    /// Waits until the agent of a container has connected.
    pub(super) async fn wait_for_agent(
        &self,
        listener: &Listener,
        container: &dyn Container,
        image: Option<&RunImage>,
    ) -> Result<AgentSession, NoAgent> {
        let connect = async {
            let socket = listener.accept().await.map_err(|error| NoAgent::Failed(error.to_string()))?;
            let (mut incoming, outgoing) = open(socket);
            match greet(&mut incoming).await {
                Ok((hello, version)) if hello.role == Role::Agent => {
                    Ok(AgentSession::welcome(incoming, outgoing, version).await)
                }
                Ok(_) => Err(NoAgent::Image("something other than its agent connected first".into())),
                Err(ConnectionError::Protocol(error)) => {
                    let reason = error.to_string();
                    let _ = outgoing.send(Frame::new(&ToAgent::Refused { reason: reason.clone() })).await;
                    let reason = match error {
                        ProtocolError::Version(mismatch) => lacking::other_version(image, &mismatch),
                        _ => reason,
                    };
                    Err(if image.is_some() { NoAgent::Image(reason) } else { NoAgent::Failed(reason) })
                }
                Err(error) => Err(NoAgent::Failed(chain(&error))),
            }
        };
        tokio::select! {
            connected = connect => connected,
            ended = container.wait() => {
                Err(NoAgent::Failed(format!("the container ended before its agent connected: {ended}")))
            }
            _ = self.cancel.beyond(CancelLevel::None) => Err(NoAgent::Cancelled),
            () = tokio::time::sleep(CONNECT_DEADLINE) => {
                Err(NoAgent::Failed(format!("its agent did not connect within {} s", CONNECT_DEADLINE.as_secs())))
            }
        }
    }
}

/// A container whose agent did not come.
pub(super) enum NoAgent {
    Failed(String),
    /// What the image has for an agent is none of this version.
    Image(String),
    Cancelled,
}

impl NoAgent {
    /// Notes it down for the outcome.
    pub(super) fn note(self, evidence: &mut Evidence) {
        match self {
            Self::Failed(reason) => evidence.engine_failure = Some(reason),
            Self::Image(reason) => evidence.image_failure = Some(reason),
            Self::Cancelled => evidence.interrupted = true,
        }
    }
}
