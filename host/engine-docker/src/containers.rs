//! Longshore's containers on an engine: those of this host, under its lease, and those that dead hosts left.

use super::lease::{Lease, Leases};
use super::named_container::NamedContainer;
use bollard::errors::Error as ApiError;
use longshore_model::activity::Activities;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How often a host that stays looks for the containers of dead hosts, while it creates some.
const REAPS: Duration = Duration::from_secs(60);

/// Creates containers that the next host removes if their host was killed.
#[derive(Debug, Clone)]
pub(super) struct Containers {
    pub(super) api: bollard::Docker,
    leases: Leases,
    temporary_folder: PathBuf,
    /// Containers that are being created or removed, whoever waits for it.
    removals: Activities,
    /// Taken with the first container; `None` in it if the state folder cannot be written.
    lease: Arc<OnceCell<Option<Arc<Lease>>>>,
    reaping: Arc<Reaping>,
}

/// When the containers of dead hosts were looked for.
#[derive(Debug, Default)]
struct Reaping(Mutex<Option<Instant>>);

impl Reaping {
    /// Whether they are to be looked for at this time; if so, it is recorded as done.
    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= REAPS);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

impl Containers {
    pub(super) fn new(api: bollard::Docker, leases: Leases, temporary_folder: PathBuf) -> Self {
        let (removals, lease, reaping) = (Activities::new(), Arc::default(), Arc::default());
        Self { api, leases, temporary_folder, removals, lease, reaping }
    }

    /// A container to be created, named `longshore-` and this. The first call, and the first of each minute, also remove the
    /// containers of dead hosts, in the background.
    pub(super) async fn container(&self, name: &str) -> NamedContainer {
        if self.reaping.is_due(Instant::now()) {
            let (leases, api) = (self.leases.clone(), self.api.clone());
            // Not awaited: containers that it does not remove are found by the next host.
            tokio::spawn(async move { leases.reap(&api).await });
        }
        let lease = self.lease.get_or_init(|| async {
            let leases = self.leases.clone();
            // Without a lease a container may outlive a killed host; that does not prevent a run.
            tokio::task::spawn_blocking(move || leases.take()).await.ok()?.ok()
        });
        NamedContainer::new(self.api.clone(), name, &self.temporary_folder, &self.removals, lease.await.clone())
    }

    /// Whether the next host finds the containers that are created from now on: not once the lease is missing.
    pub(super) fn is_leased(&self) -> bool {
        let taken = self.lease.get();
        taken.is_none_or(|lease| lease.as_ref().is_some_and(|lease| lease.is_in_place()))
    }

    /// Waits until what is being created has been, and the containers whose owners were dropped are removed.
    pub(super) async fn settle(&self) {
        self.removals.idle().await;
    }

    /// Removes the containers of dead hosts.
    pub(super) async fn reap(&self) -> Result<(), ApiError> {
        self.leases.reap(&self.api).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_stays_looks_for_dead_ones_once_a_minute() {
        let (reaping, begun) = (Reaping::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let due: Vec<u64> = (0..=130).filter(|seconds| reaping.is_due(at(*seconds))).collect();
        assert_eq!(due, [0, 60, 120]);
    }
}
