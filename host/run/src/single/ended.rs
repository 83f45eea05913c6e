//! What the end of a run's container tells, if its agent has not reported the script's end.

use super::{LEFT_BEHIND, Run};
use crate::container::Gone;
use longshore_engine::Ended;
use longshore_model::engine_kind::EngineKind;
use longshore_model::event::Event;
use longshore_model::outcome::Evidence;

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
