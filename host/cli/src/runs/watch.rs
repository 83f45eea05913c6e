//! `longshore runs watch`.

use super::ending;
use crate::printer::Log;
use crate::terminal::Stream;
use crate::{help, printer};
use longshore::Settings;
use longshore::history::{HistoryEntry, HistoryError, RunHistory, RunState};
use longshore::shown::Shown;
use std::thread;
use std::time::Duration;

/// How often the history is read: as often as a person notices.
const LOOK: Duration = Duration::from_millis(200);

/// Exit status for a run without a known outcome.
const UNKNOWN: u8 = 3;

/// Follows a run until it ends: its log on standard output, its messages and its end on standard error. Returns its exit
/// status.
pub(super) fn watch(history: &RunHistory, run: HistoryEntry, settings: &Settings) -> Result<u8, HistoryError> {
    let mut followed = Followed { history, position: 0, log: Log::to(Stream::Out), in_line: false };
    let (mut run, mut message) = (run, None);
    loop {
        if !followed.print(&run)? {
            // Nobody reads any more.
            return Ok(0);
        }
        if run.state != RunState::Running {
            break;
        }
        if run.message != message {
            message.clone_from(&run.message);
            message.iter().for_each(|message| followed.tell(message));
        }
        thread::sleep(LOOK);
        // Read before the log, which is then complete if the run has ended.
        run = history.again(&run)?;
    }
    if followed.position == 0 {
        // A build that failed.
        followed.write(&history.log(&run)?);
    }
    run.record.as_ref().and_then(help::of_record).iter().for_each(|words| followed.tell(&format!("help: {words}")));
    let mark = if run.outcome() == Some("succeeded") { '✓' } else { '✗' };
    followed.tell(&format!("{mark} {} {}", run.block, ending(&run)));
    Ok(exit_status(&run, settings))
}

fn exit_status(run: &HistoryEntry, settings: &Settings) -> u8 {
    let outcome = run.record.as_ref().and_then(|record| record.get("outcome")).cloned();
    let outcome = outcome.and_then(|outcome| serde_json::from_value(outcome).ok());
    outcome.map_or(UNKNOWN, |outcome| settings.runs.exit_status(outcome))
}

/// The log of a run that is followed.
struct Followed<'a> {
    history: &'a RunHistory,
    position: u64,
    log: Log,
    /// Whether what was printed last did not end a line.
    in_line: bool,
}

impl Followed<'_> {
    /// Prints what was added to the log. Returns whether somebody reads it.
    fn print(&mut self, run: &HistoryEntry) -> Result<bool, HistoryError> {
        loop {
            let piece = self.history.log_after(run, self.position)?;
            if piece.bytes.is_empty() {
                return Ok(true);
            }
            if piece.left_out > 0 {
                let line_end = if self.in_line { "\n" } else { "" };
                self.write(format!("{line_end}… {} bytes are left out here …\n", piece.left_out).as_bytes());
            }
            self.position = piece.position;
            if !self.write(&piece.bytes) {
                return Ok(false);
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        let passed = self.log.pass(bytes);
        self.in_line = if passed.is_empty() { self.in_line } else { !passed.ends_a_line() };
        passed.write().is_ok()
    }

    /// Prints a line of Longshore's own.
    fn tell(&mut self, text: &str) {
        if std::mem::take(&mut self.in_line) && self.log.stream().is_terminal() {
            printer::end_line(self.log.stream());
        }
        printer::err(&Shown::line(text));
    }
}
