//! Activities of a host, such as runs and builds: each is counted until it ends, and none begins once the host shuts
//! down.

use crate::cancel::{Cancel, CancelLevel};
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::watch;

/// A host is shutting down, so nothing new begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot begin: the host is shutting down")]
pub struct ShuttingDown;

/// The activities of a host; clones share their state.
#[derive(Debug, Clone)]
pub struct Activities {
    stop: Cancel,
    running: Arc<watch::Sender<usize>>,
}

/// An activity that is counted until this is dropped.
#[derive(Debug)]
#[must_use = "it is counted only until it is dropped"]
pub struct Activity(Arc<watch::Sender<usize>>);

impl Activities {
    /// No activities.
    #[must_use]
    pub fn new() -> Self {
        Self { stop: Cancel::new(), running: Arc::new(watch::Sender::new(0)) }
    }

    /// Counts an activity.
    ///
    /// # Errors
    /// [`ShuttingDown`].
    pub fn begin(&self) -> Result<Activity, ShuttingDown> {
        self.running.send_modify(|running| *running += 1);
        // Counted first: `end` either waits for this activity, or is noticed here.
        let activity = Activity(Arc::clone(&self.running));
        if self.stop.is_cancelled() { Err(ShuttingDown) } else { Ok(activity) }
    }

    /// Cancelled when the host shuts down.
    #[must_use]
    pub fn stop(&self) -> &Cancel {
        &self.stop
    }

    /// Prevents new activities, cancels those in progress gently, and waits until each has ended.
    pub async fn end(&self) {
        self.stop.cancel(CancelLevel::Gently);
        self.idle().await;
    }

    /// Waits until no activity is in progress.
    pub async fn idle(&self) {
        // The sender is alive, so this ends only with a count of 0.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl Default for Activities {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_activities_and_lets_none_begin() {
        let activities = Activities::new();
        let (first, second) = (activities.begin().unwrap(), activities.begin().unwrap());
        let ending = tokio::spawn({
            let activities = activities.clone();
            async move { activities.end().await }
        });
        activities.stop().cancelled().await;
        assert_eq!(activities.begin().unwrap_err(), ShuttingDown);
        drop(first);
        tokio::task::yield_now().await;
        assert!(!ending.is_finished());
        drop(second);
        ending.await.unwrap();
        // The refused one is not counted.
        activities.end().await;
    }
}
