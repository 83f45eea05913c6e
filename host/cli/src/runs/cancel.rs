//! `longshore runs cancel`.

use crate::{failure, printer};
use longshore::CancelLevel;
use longshore::history::{HistoryEntry, HistoryError, RunHistory, RunState};
use longshore::shown::Shown;
use std::thread;
use std::time::{Duration, Instant};

/// How long a cancelled run may take to end: a second until its host sees the request, 6 s of signals to the script, 10 s
/// for the engine to kill the container, and as much again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(34);

/// How often the history is read.
const LOOK: Duration = Duration::from_millis(100);

/// Exit status if a run has not ended.
const FAILED: u8 = 3;

/// Cancels these runs, if all of them are running, and waits until they have ended.
pub(super) fn cancel(history: &RunHistory, references: &[String], now: bool) -> Result<u8, HistoryError> {
    let level = if now { CancelLevel::AtOnce } else { CancelLevel::Gently };
    let runs = references.iter().map(|reference| history.find(reference)).collect::<Result<Vec<_>, _>>()?;
    if let Some(run) = runs.iter().find(|run| run.state != RunState::Running) {
        // The error says why.
        history.cancel(run, level)?;
    }
    for run in &runs {
        history.cancel(run, level)?;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut status = 0;
    for run in &runs {
        match ended(history, run, deadline)? {
            Some(run) => drop(printer::out(&Shown::line(format!("{} {}", run.run_id, super::outcome(&run))))),
            None => {
                let seconds = PATIENCE.as_secs();
                let text = format!(
                    "cannot cancel the run `{}`: it has not ended within {seconds} s of the request; its process may be \
                     stopped",
                    run.run_id
                );
                status = failure::print_text(&text, FAILED);
            }
        }
    }
    Ok(status)
}

/// The run after its end; `None` if it has not ended by the deadline.
fn ended(history: &RunHistory, run: &HistoryEntry, deadline: Instant) -> Result<Option<HistoryEntry>, HistoryError> {
    loop {
        let now = history.again(run)?;
        if now.state != RunState::Running {
            return Ok(Some(now));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}
