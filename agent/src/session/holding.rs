//! The time between Prepare and Begin: the interpreter starts, reports, and waits. What it prints meanwhile is dropped,
//! since no run exists that it belongs to; once it waits, nothing is read any more, so that all later output belongs to
//! the run.

use super::{Running, unexpected};
use crate::error::AgentError;
use crate::hold::Hold;
use crate::reaper::Reaped;
use longshore_protocol::{Begin, ConnectionError, ExitStatus, Frame, FromAgent, Payload, ToAgent};
use rustix::event::{PollFd, PollFlags, poll};
use std::path::Path;

/// Most bytes of the output of an interpreter that ends before its run; they explain why.
const WORDS_MAX: usize = 2 << 10;

/// The result of holding.
#[derive(Debug)]
pub(super) enum Held {
    /// The run, for the interpreter that waits.
    Begun(Begin),
    /// The interpreter has ended: the reason for the host.
    Ended(String),
}

impl Running {
    /// Waits for the interpreter's report, passes it on, and waits for the run.
    pub(super) fn hold(&mut self, hold: &mut Hold) -> Result<Held, AgentError> {
        let (mut is_ready, mut printed) = (false, Vec::new());
        loop {
            let mut polled = vec![
                PollFd::new(&self.receiver, PollFlags::IN),
                PollFd::new(&self.signals, PollFlags::IN),
                PollFd::new(&self.reaper, PollFlags::IN),
            ];
            if !is_ready {
                polled.push(PollFd::new(hold, PollFlags::IN));
                polled.extend(self.pipes.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            }
            match poll(&mut polled, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other.map_err(|errno| AgentError::system("poll")(errno.into()))?,
            };
            let ready: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
            drop(polled);
            if ready[0].intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
                && let Some(begin) = self.hear_begin()?
            {
                return Ok(Held::Begun(begin));
            }
            if ready[1].contains(PollFlags::IN) {
                // Nothing of a run can be lost yet.
                return Err(AgentError::HostGone);
            }
            // Before the end of the interpreter is handled, which its last words explain.
            for index in (0..ready.len().saturating_sub(4)).rev() {
                if !ready[index + 4].is_empty() {
                    self.read_early(index, &mut printed);
                }
            }
            if ready[2].intersects(PollFlags::IN | PollFlags::HUP)
                && let Some(status) = self.reaped_early()?
            {
                return Ok(Held::Ended(why(status, &printed)));
            }
            if ready.get(3).is_some_and(|ready| !ready.is_empty()) && hold.read() {
                is_ready = true;
                let message = FromAgent::Ready { printed: !printed.is_empty(), memory_bytes: self.private_memory() };
                let report = hold.report();
                let payload = if report.is_empty() { Payload::None } else { Payload::Inline(report) };
                self.queue(Frame::with(&message, payload))?;
            }
        }
    }

    fn hear_begin(&mut self) -> Result<Option<Begin>, AgentError> {
        match self.receiver.receive() {
            Ok(Some((ToAgent::Begin(begin), _))) => Ok(Some(begin)),
            Err(ConnectionError::Io { source, .. }) if source.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Ok(None | Some((ToAgent::Cancel | ToAgent::Kill, _)))
            | Err(ConnectionError::Io { .. } | ConnectionError::Truncated) => Err(AgentError::HostGone),
            Ok(Some((other, _))) => Err(unexpected("begin", &other)),
            Err(error) => Err(error.into()),
        }
    }

    fn read_early(&mut self, index: usize, printed: &mut Vec<u8>) {
        let mut bytes = Vec::new();
        match self.pipes[index].read(&mut bytes) {
            Ok(None) | Err(_) => drop(self.pipes.remove(index)),
            Ok(Some(length)) => {
                let room = WORDS_MAX.saturating_sub(printed.len()).min(length);
                printed.extend_from_slice(&bytes[..room]);
            }
        }
    }

    /// The interpreter's exit status, if it has ended.
    fn reaped_early(&mut self) -> Result<Option<ExitStatus>, AgentError> {
        let script = self.script.map(|script| script.as_raw_nonzero().get());
        match self.reaper.next()? {
            Reaped::Child(pid, status) if Some(pid) == script => Ok(Some(status)),
            Reaped::Child(..) => Ok(None),
            Reaped::NoneLeft => {
                self.all_gone = true;
                Ok(Some(ExitStatus::Signal(9)))
            }
        }
    }

    /// Resident memory of the interpreter that no file backs; 0 if it cannot be read.
    fn private_memory(&self) -> u64 {
        let anonymous = |status: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        };
        self.of_script("status").as_deref().and_then(anonymous).map_or(0, |kilobytes| kilobytes << 10)
    }

    /// Processor time that the interpreter has used so far, in seconds; 0 if it cannot be read.
    pub(super) fn processor_time(&self) -> f64 {
        /// Ticks of a second in `/proc`, on every architecture that Linux has.
        const TICKS: f64 = 100.0;
        let ticks = |stat: &str| {
            let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
            let mut next = || fields.next()?.parse::<u32>().ok();
            Some(f64::from(next()?) + f64::from(next()?))
        };
        self.of_script("stat").as_deref().and_then(ticks).unwrap_or(0.0) / TICKS
    }

    fn of_script(&self, file: &str) -> Option<String> {
        let script = self.script?.as_raw_nonzero();
        std::fs::read_to_string(Path::new("/proc").join(script.to_string()).join(file)).ok()
    }
}

fn why(status: ExitStatus, printed: &[u8]) -> String {
    let ended = match status {
        ExitStatus::Code(code) => format!("the interpreter ended with exit status {code} before its run"),
        ExitStatus::Signal(signal) => format!("signal {signal} ended the interpreter before its run"),
    };
    let printed = String::from_utf8_lossy(printed);
    match printed.trim() {
        "" => ended,
        printed => format!("{ended}: {printed}"),
    }
}
