//! A host in a process that stays. Its memory after large tables: the allocator keeps what runs have freed, in one arena
//! for each thread, and is asked to return it to the system once nothing is in progress.

use longshore_model::activity::Activities;
use longshore_segment::return_freed_memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::spawn_blocking;

/// What is done for a host in a process that stays.
#[derive(Debug, Clone)]
pub(crate) struct Resident {
    activities: Activities,
    /// Whether memory will be returned once these activities have ended.
    is_returning: Arc<AtomicBool>,
}

impl Resident {
    pub(crate) fn new(activities: Activities) -> Self {
        Self { activities, is_returning: Arc::default() }
    }

    /// The activities among which the removal of its containers is counted.
    pub(crate) fn activities(&self) -> &Activities {
        &self.activities
    }

    /// Returns freed memory to the system once nothing is in progress.
    pub(crate) fn return_memory(&self) {
        if self.is_returning.swap(true, Ordering::SeqCst) {
            return;
        }
        let Self { activities, is_returning } = self.clone();
        // Not awaited: a host that ends before has no memory to return.
        tokio::spawn(async move {
            activities.idle().await;
            is_returning.store(false, Ordering::SeqCst);
            let _ = spawn_blocking(return_freed_memory).await;
        });
    }
}
