//! How everything ends: the rungs of a cancellation, what the script leaves behind, and all of it when the host is gone.
//! What must go is killed again and again until no child is left, since a kill only reaches what is there.

use super::{Running, timespec};
use crate::descendants;
use crate::error::AgentError;
use crate::ladder::Rung;
use crate::reaper::Reaped;
use longshore_protocol::{ExitStatus, Frame, FromAgent};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, kill_process_group};
use std::time::{Duration, Instant};

/// How long until everything is killed once more.
const KILL_AGAIN: Duration = Duration::from_millis(100);

/// What ends whatever outlives the script, as `waitpid` tells it.
const KILLED: ExitStatus = ExitStatus::Signal(9);

impl Running {
    /// Does what a rung of the ladder asks for.
    pub(super) fn climb(&mut self, rung: Rung) {
        let signal = match rung {
            Rung::Interrupt => Signal::INT,
            Rung::Terminate => Signal::TERM,
            Rung::Kill => Signal::KILL,
        };
        if let Some(script) = self.script {
            // A group that is gone needs no signal.
            let _ = kill_process_group(script, signal);
        }
        if rung == Rung::Kill {
            self.kill_everything();
        }
    }

    /// Kills what is still there.
    pub(super) fn kill_if_due(&mut self, now: Instant) {
        if self.kill_again.is_some_and(|at| now >= at) {
            self.kill_everything();
        }
    }

    fn kill_everything(&mut self) {
        let killed = descendants::kill_all();
        if self.script.is_none() {
            self.left_behind.extend(killed.iter().map(|pid| pid.as_raw_nonzero().get()));
        }
        self.kill_again = (!self.all_gone).then(|| Instant::now() + KILL_AGAIN);
    }

    /// Takes what was reaped. Once the script has ended nothing of it may go on.
    pub(super) fn take_reaped(&mut self) -> Result<(), AgentError> {
        match self.reaper.next()? {
            Reaped::NoneLeft => {
                self.all_gone = true;
                self.kill_again = None;
            }
            Reaped::Child(pid, status) => {
                if self.script.is_some_and(|script| script.as_raw_nonzero().get() == pid) {
                    self.status = Some(status);
                    self.script = None;
                    if self.tell_end {
                        self.queue(Frame::new(&FromAgent::Ended { status }))?;
                    }
                } else if self.script.is_none() && status == KILLED {
                    self.left_behind.insert(pid);
                }
                if self.script.is_none() {
                    self.kill_everything();
                }
            }
        }
        Ok(())
    }

    /// Kills and reaps everything, where there is no host any more.
    pub(super) fn end_everything(&mut self) -> Result<(), AgentError> {
        self.tell_end = false;
        while !self.all_gone {
            self.kill_everything();
            let mut polled = [PollFd::new(&self.reaper, PollFlags::IN)];
            match poll(&mut polled, Some(&timespec(KILL_AGAIN))) {
                Err(rustix::io::Errno::INTR) | Ok(0) => {}
                Err(errno) => return Err(AgentError::system("poll")(errno.into())),
                Ok(_) => self.take_reaped()?,
            }
        }
        Ok(())
    }
}
