//! The end of a run's processes: the rungs of a cancellation, processes that the script left behind, and all of them
//! once the host has closed the connection. They are killed repeatedly until no child is left, since one kill misses
//! new ones.

use super::{Running, timespec};
use crate::descendants;
use crate::error::AgentError;
use crate::ladder::Rung;
use crate::reaper::Reaped;
use longshore_protocol::{ExitStatus, Frame, FromAgent};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, kill_process_group};
use std::time::{Duration, Instant};

/// Interval between two kills of all processes.
const KILL_AGAIN: Duration = Duration::from_millis(100);

/// The exit status of a killed process, as reported by `waitpid`.
const KILLED: ExitStatus = ExitStatus::Signal(9);

impl Running {
    /// Sends the signal of a rung of the ladder.
    pub(super) fn climb(&mut self, rung: Rung) {
        let signal = match rung {
            Rung::Interrupt => Signal::INT,
            Rung::Terminate => Signal::TERM,
            Rung::Kill => Signal::KILL,
        };
        if let Some(script) = self.script {
            // A group that has ended needs no signal.
            let _ = kill_process_group(script, signal);
        }
        if rung == Rung::Kill {
            self.kill_everything();
        }
    }

    /// Kills the remaining processes when the interval is over.
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

    /// Handles an event of the reaper. Once the script has ended, its remaining processes are killed.
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

    /// Kills and reaps all processes after the host has closed the connection.
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
