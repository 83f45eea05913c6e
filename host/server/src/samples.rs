//! Measurements of the last day, for plots: taken every ten seconds, kept in memory, 8,640 of 48 bytes.

use longshore::history::RunHistory;
use longshore::table::budget;
use longshore::{Cancel, Host};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// The time between two of them.
pub(crate) const PAUSE: Duration = Duration::from_secs(10);

/// A day.
const MOST: usize = 8640;

/// The disk is measured with every thirtieth: the engine takes a while to list its images.
const DISK_EVERY: usize = 30;

/// What was measured at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) running: u32,
    /// Runs that ended since the measurement before, and those of them that failed.
    pub(crate) ended: u32,
    pub(crate) failed: u32,
    /// Bytes of this process's memory.
    pub(crate) resident: u64,
    /// Bytes that the tables of all runs have of their budget.
    pub(crate) tables: u64,
}

/// The measurements. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    ring: VecDeque<Sample>,
    disk: VecDeque<(Instant, u64)>,
}

impl Samples {
    /// Measures until `closing`.
    pub(crate) async fn measure(self, host: Host, closing: Cancel) {
        let (mut before, mut turn) = (None, 0_usize);
        loop {
            if turn.is_multiple_of(DISK_EVERY)
                && let Some(bytes) = disk(&host).await
            {
                self.lock().disk.push_back((Instant::now(), bytes));
            }
            turn += 1;
            if let Some((sample, ends)) = take(&host, before).await {
                before = Some(ends);
                self.add(sample);
            }
            tokio::select! {
                () = closing.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// The measurements of this long until now, the oldest first.
    pub(crate) fn since(&self, whole: Duration) -> Vec<Sample> {
        self.lock().ring.iter().filter(|sample| sample.at.elapsed() <= whole).copied().collect()
    }

    /// The bytes of environments over time.
    pub(crate) fn disk_since(&self, whole: Duration) -> Vec<(Instant, u64)> {
        self.lock().disk.iter().filter(|(at, _)| at.elapsed() <= whole).copied().collect()
    }

    /// The bytes of environments, as they were measured last.
    pub(crate) fn disk(&self) -> Option<u64> {
        self.lock().disk.back().map(|(_, bytes)| *bytes)
    }

    fn add(&self, sample: Sample) {
        let mut inner = self.lock();
        inner.ring.push_back(sample);
        while inner.ring.len() > MOST {
            inner.ring.pop_front();
        }
        while inner.disk.len() > MOST / DISK_EVERY {
            inner.disk.pop_front();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs that have ended today, and failed ones, by the day's beginning.
type Ends = (u64, u64, u64);

async fn take(host: &Host, before: Option<Ends>) -> Option<(Sample, Ends)> {
    let state_folder = host.settings().state_folder.clone();
    let taking = spawn_blocking(move || {
        let since = today_ms();
        let counts = RunHistory::open(&state_folder).and_then(|history| history.ends_since(since)).ok()?;
        let failed = counts.failed + counts.lost;
        let ended = counts.succeeded + counts.cancelled + failed;
        let (ended_before, failed_before) = match before {
            Some((day, ended, failed)) if day == since => (ended, failed),
            // After midnight all are new; those before the host's start are not counted.
            Some(_) => (0, 0),
            None => (ended, failed),
        };
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let sample = Sample {
            at: Instant::now(),
            running: small(counts.running),
            ended: small(ended.saturating_sub(ended_before)),
            failed: small(failed.saturating_sub(failed_before)),
            resident: longshore_os::available::resident_memory().unwrap_or_default(),
            tables: budget::in_use(),
        };
        Some((sample, (since, ended, failed)))
    });
    taking.await.ok().flatten()
}

async fn disk(host: &Host) -> Option<u64> {
    let images = host.images().await.ok()?;
    Some(images.list().await.ok()?.iter().map(|entry| entry.added_bytes).sum())
}

/// The beginning of this day in UTC, in milliseconds since 1970.
pub(crate) fn today_ms() -> u64 {
    longshore::Day::of(std::time::SystemTime::now()).begin_ms()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept() {
        let samples = Samples::default();
        let sample = Sample { at: Instant::now(), running: 1, ended: 0, failed: 0, resident: 1, tables: 0 };
        for running in 0..9000 {
            samples.add(Sample { running, ..sample });
        }
        let kept = samples.since(Duration::from_secs(3600));
        assert_eq!((kept.len(), kept[0].running, kept[MOST - 1].running), (MOST, 360, 8999));
        assert!(samples.disk().is_none());
    }
}
