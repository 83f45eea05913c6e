//! What a server has done since it started: its runs by outcome and how long they took, and answers over HTTP. `/metrics`
//! shows it. Each run is a line of the log when it begins and when it ends.

use longshore::RunRecord;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The counts. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Counts>>);

/// The counts at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Runs that go on.
    pub(crate) running: u64,
    /// Runs that have ended, by the name of their outcome.
    pub(crate) ended: BTreeMap<String, u64>,
    /// How long all of them took, clean-up included, in seconds.
    pub(crate) seconds: f64,
    /// How long it took in all until their agents had connected, in seconds, and how many had.
    pub(crate) start_seconds: f64,
    pub(crate) started: u64,
    /// Answers over HTTP, by status.
    pub(crate) answers: BTreeMap<u16, u64>,
}

/// A run that is counted as going on until this is dropped.
#[derive(Debug)]
pub(crate) struct TalliedRun(Tally);

impl Tally {
    /// A run begins.
    pub(crate) fn begin(&self) -> TalliedRun {
        self.lock().running += 1;
        TalliedRun(self.clone())
    }

    /// A request was answered.
    pub(crate) fn answered(&self, status: u16) {
        *self.lock().answers.entry(status).or_default() += 1;
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TalliedRun {
    /// Its id is known.
    pub(crate) fn begun(run_id: &str) {
        tracing::info!(run_id, "run begun");
    }

    /// It has ended.
    pub(crate) fn ended(self, record: &RunRecord) {
        let timings = record.timings_ms;
        let outcome = record.outcome.name();
        tracing::info!(run_id = %record.run_id, block = %record.block, %outcome, total_ms = timings.total, "run ended");
        let mut counts = self.0.lock();
        *counts.ended.entry(outcome).or_default() += 1;
        counts.seconds += timings.total / 1000.0;
        if timings.start > 0.0 {
            counts.start_seconds += timings.start / 1000.0;
            counts.started += 1;
        }
    }
}

impl Drop for TalliedRun {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
    }
}
