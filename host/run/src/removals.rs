//! Containers whose agents have reported how their scripts ended, and which their engine still ends and removes: nothing
//! of that belongs to the outcome of the run, which continues meanwhile. `single/ending.rs` watches each to its end.

use longshore_model::activity::Activities;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The removals of a run, and of its parts.
#[derive(Debug, Clone)]
pub(crate) struct Removals {
    pending: Activities,
    /// Containers that the engine did not remove in time.
    left_behind: Arc<AtomicUsize>,
}

impl Removals {
    /// Removals that are counted among these activities, or by themselves.
    pub(crate) fn counted_in(activities: Option<&Activities>) -> Self {
        Self { pending: activities.cloned().unwrap_or_default(), left_behind: Arc::default() }
    }

    /// Continues with a removal, which returns whether the container is gone. Once a host shuts down it is awaited.
    pub(crate) async fn add(&self, removal: impl Future<Output = bool> + Send + 'static) {
        let counted = self.pending.begin();
        let (left_behind, is_counted) = (Arc::clone(&self.left_behind), counted.is_ok());
        let removing = tokio::spawn(async move {
            let _counted = counted;
            if !removal.await {
                left_behind.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Otherwise it is counted, and awaited by whoever counts. A panic is one of the engine's client; the container
        // is removed when it is dropped.
        if !is_counted {
            let _ = removing.await;
        }
    }

    /// Waits for all of them. Returns the number of containers that are left behind.
    pub(crate) async fn ended(&self) -> usize {
        self.pending.idle().await;
        self.left_behind.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn removals_are_awaited_where_they_are_counted() {
        for (is_shared, gone) in [(false, true), (false, false), (true, true)] {
            let activities = Activities::new();
            let removals = Removals::counted_in(is_shared.then_some(&activities));
            let (end, ended) = oneshot::channel();
            removals.add(async move { ended.await.unwrap() }).await;
            let waiting = tokio::spawn(async move { removals.ended().await });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            end.send(gone).unwrap();
            assert_eq!(waiting.await.unwrap(), usize::from(!gone));
            activities.end().await;
        }
    }

    #[tokio::test]
    async fn a_host_that_shuts_down_waits_for_a_removal_at_once() {
        let activities = Activities::new();
        activities.end().await;
        let removals = Removals::counted_in(Some(&activities));
        let (end, ended) = oneshot::channel();
        let adding = tokio::spawn(async move { removals.add(async move { ended.await.unwrap() }).await });
        tokio::task::yield_now().await;
        assert!(!adding.is_finished());
        end.send(true).unwrap();
        adding.await.unwrap();
    }
}
