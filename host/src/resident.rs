//! A host in a process that stays. Its memory after large tables: the allocator keeps what runs have freed, in one arena
//! for each thread, and is asked to return it to the system once nothing is in progress.

use longshore_config::settings::Settings;
use longshore_model::activity::Activities;
use longshore_run::pool::Pool;
use longshore_run::run;
use longshore_segment::return_freed_memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::spawn_blocking;

/// What is done for a host in a process that stays.
#[derive(Debug, Clone)]
pub(crate) struct Resident {
    activities: Activities,
    /// Interpreters that wait for runs.
    pool: Option<Pool>,
    /// Whether memory will be returned once these activities have ended.
    is_returning: Arc<AtomicBool>,
}

impl Resident {
    pub(crate) fn new(activities: Activities, settings: &Settings) -> Self {
        let pool = (settings.pool.members > 0).then(|| Pool::new(settings));
        Self { activities, pool, is_returning: Arc::default() }
    }

    /// What runs use of it.
    pub(crate) fn for_runs(&self) -> run::Resident<'_> {
        run::Resident { activities: &self.activities, pool: self.pool.as_ref() }
    }

    /// The interpreters that wait.
    pub(crate) fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref()
    }

    /// Returns freed memory to the system once nothing is in progress.
    pub(crate) fn return_memory(&self) {
        if self.is_returning.swap(true, Ordering::SeqCst) {
            return;
        }
        let Self { activities, is_returning, .. } = self.clone();
        // Not awaited: a host that ends before has no memory to return.
        tokio::spawn(async move {
            activities.idle().await;
            is_returning.store(false, Ordering::SeqCst);
            let _ = spawn_blocking(return_freed_memory).await;
        });
    }
}
