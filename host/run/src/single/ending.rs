//! The end of a run's container: it ends by itself, or is killed; then the run directory is removed, and others may have
//! what it held of the machine.

use super::{LEFT_BEHIND, Run};
use crate::admission::Place;
use longshore_engine::run_directory::RunDirectory;
use longshore_engine::{Container, Ended, ScriptUser};
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::engine_kind::EngineKind;
use longshore_model::event::Event;
use longshore_model::outcome::Evidence;
use std::time::Duration;

/// How long to wait for a container's end, and again after it was killed.
const GONE_DEADLINE: Duration = Duration::from_secs(10);

/// A container whose connections are closed: an agent that still runs ends.
pub(super) struct Ending {
    pub(super) container: Box<dyn Container>,
    pub(super) directory: RunDirectory,
    /// Ends the wait for an end by itself.
    pub(super) cancel: Cancel,
    /// Held while the container lives.
    pub(super) _held: (Option<ScriptUser>, Place),
}

/// The end of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// By itself.
    Ended(Ended),
    /// It was killed, since it did not end.
    Killed,
    /// It did not end, and may be left behind.
    Left,
}

impl Ending {
    /// Waits until the container is gone, and removes the run directory.
    pub(super) async fn end(self) -> Gone {
        let gone = self.container_ends().await;
        self.directory.close().await;
        gone
    }

    async fn container_ends(&self) -> Gone {
        let ended = tokio::select! {
            ended = tokio::time::timeout(GONE_DEADLINE, self.container.wait()) => ended.ok(),
            _ = self.cancel.beyond(CancelLevel::Gently) => None,
        };
        if let Some(ended) = ended {
            return Gone::Ended(ended);
        }
        let kill = async {
            self.container.kill().await.ok()?;
            Some(self.container.wait().await)
        };
        match tokio::time::timeout(GONE_DEADLINE, kill).await {
            Ok(Some(_)) => Gone::Killed,
            _ => Gone::Left,
        }
    }
}

impl Run<'_> {
    /// Adds what the end of the container tells about its agent, which has not reported the script's end.
    pub(super) fn note_end(&self, gone: Gone, kind: EngineKind, evidence: &mut Evidence) {
        match gone {
            Gone::Ended(ended) => {
                evidence.out_of_memory |= ended == Ended::OutOfMemory;
                // Without a container other processes of this user may kill the agent.
                if let (Ended::Killed(signal), true, true) = (ended, kind.isolates(), evidence.agent_lost) {
                    evidence.agent_killed = Some(signal);
                }
                // An agent that exited with 0 has reported the failure itself.
                if let (Some(failure), true) = (&mut evidence.engine_failure, ended != Ended::Exited(0)) {
                    failure.push_str(&format!(" ({ended})"));
                }
            }
            Gone::Killed => {}
            Gone::Left => self.tell(Event::Note(LEFT_BEHIND.into())),
        }
    }
}
