//! Sends the files that the script left in its working folder to the host, a part at a time, after the script's end and
//! before the exit report. The keeper selects the files.

use super::{GOODBYE, Running, timespec};
use crate::error::AgentError;
use crate::keep::Step;
use longshore_protocol::{Frame, Payload};
use rustix::event::{PollFd, PollFlags, poll};
use std::time::{Duration, Instant};

/// How long sending may take. A gibibyte takes seconds on a disk that writes it in seconds.
const DEADLINE: Duration = Duration::from_secs(60);

impl Running {
    /// Sends the files. The host may stop it by a Cancel; one received before was for the script.
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
            // Waits while the host does not read; otherwise only checks for a message of the host.
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
