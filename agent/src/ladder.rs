//! The ladder of a cancellation: interrupt, terminate, kill, each with its deadline. Pure state; the session sends
//! the signals.

use longshore_protocol::CancelLadder;
use std::time::{Duration, Instant};

/// The next signal for the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rung {
    /// SIGINT to its group.
    Interrupt,
    /// SIGTERM to its group.
    Terminate,
    /// SIGKILL to everything.
    Kill,
}

/// A cancellation in progress, or none yet.
#[derive(Debug)]
pub(crate) struct Ladder {
    deadlines: CancelLadder,
    next: Option<(Instant, Rung)>,
    started: bool,
}

impl Ladder {
    pub(crate) fn new(deadlines: CancelLadder) -> Self {
        Self { deadlines, next: None, started: false }
    }

    /// Starts the cancellation; a second start changes nothing.
    pub(crate) fn start(&mut self, now: Instant) {
        if !self.started {
            self.started = true;
            self.next = Some((now, Rung::Interrupt));
        }
    }

    /// Skips to the last rung.
    pub(crate) fn skip_to_kill(&mut self, now: Instant) {
        self.started = true;
        self.next = Some((now, Rung::Kill));
    }

    /// The rung that is due, if one is.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Rung> {
        let (at, rung) = self.next?;
        if now < at {
            return None;
        }
        let wait = |milliseconds: u32| now + Duration::from_millis(milliseconds.into());
        self.next = match rung {
            Rung::Interrupt => Some((wait(self.deadlines.interrupt_ms), Rung::Terminate)),
            Rung::Terminate => Some((wait(self.deadlines.terminate_ms), Rung::Kill)),
            Rung::Kill => None,
        };
        Some(rung)
    }

    /// When the next rung is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next.map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_waits_for_its_deadline() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut ladder = Ladder::new(CancelLadder { interrupt_ms: 100, terminate_ms: 50 });
        assert_eq!(ladder.due(start), None);
        ladder.start(start);
        assert_eq!(ladder.due(start), Some(Rung::Interrupt));
        ladder.start(after(10));
        assert_eq!(ladder.due(after(99)), None);
        assert_eq!(ladder.deadline(), Some(after(100)));
        assert_eq!(ladder.due(after(100)), Some(Rung::Terminate));
        assert_eq!(ladder.due(after(149)), None);
        assert_eq!(ladder.due(after(150)), Some(Rung::Kill));
        assert_eq!(ladder.due(after(10_000)), None);
    }

    #[test]
    fn killing_skips_the_rungs() {
        let start = Instant::now();
        let mut ladder = Ladder::new(CancelLadder { interrupt_ms: 100, terminate_ms: 50 });
        ladder.start(start);
        assert_eq!(ladder.due(start), Some(Rung::Interrupt));
        ladder.skip_to_kill(start);
        assert_eq!(ladder.due(start), Some(Rung::Kill));
    }
}
