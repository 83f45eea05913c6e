//! After the script's end and before the exit report: what it left in its working folder goes to the host, a part at a
//! time. What goes is the keeper's to say.

use super::{GOODBYE, Running, timespec};
use crate::error::AgentError;
use crate::keep::Step;
use longshore_protocol::{Frame, Payload};
use rustix::event::{PollFd, PollFlags, poll};
use std::time::{Duration, Instant};

/// How long it may take. A gibibyte takes seconds, where the host's disk does.
const DEADLINE: Duration = Duration::from_secs(60);

impl Running {
    /// Sends it. The host may end that; an end that it wanted before was the script's.
    pub(super) fn send_kept(&mut self) -> Result<(), AgentError> {
        self.told_to_end = false;
        let until = Instant::now() + DEADLINE;
        while let Some(keeper) = &mut self.keeper {
            if self.told_to_end || Instant::now() >= until {
                keeper.stop();
            }
            if self.outgoing.is_empty() {
                match keeper.step() {
                    Step::Part(message, bytes) => self.queue(Frame::with(&message, Payload::Inline(bytes)))?,
                    Step::Nothing => {}
                    Step::Done => return Ok(()),
                }
            }
            // While the host does not read, this waits for it; otherwise it just looks whether the host has a word.
            let waits = !self.outgoing.is_empty();
            let events = if waits { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let patience = if waits { GOODBYE } else { Duration::ZERO };
            let mut polled = [PollFd::new(&self.receiver, events)];
            match poll(&mut polled, Some(&timespec(patience))) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other.map_err(|errno| AgentError::system("poll")(errno.into()))?,
            };
            let ready = polled[0].revents();
            if ready.contains(PollFlags::OUT) {
                self.flush()?;
            }
            if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                self.hear_host()?;
            }
        }
        Ok(())
    }
}
