//! What is open: connections and runs. They are counted, so that a server that has none for a while can end.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A count of what is open. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Open(Arc<watch::Sender<usize>>);

/// Something that is open until this is dropped.
#[derive(Debug)]
pub(crate) struct Held(Open);

impl Open {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::channel(0).0))
    }

    /// Counts something.
    pub(crate) fn hold(&self) -> Held {
        self.0.send_modify(|open| *open += 1);
        Held(self.clone())
    }

    /// Waits until nothing was open for so long.
    pub(crate) async fn idle(&self, time: Duration) {
        let mut open = self.0.subscribe();
        loop {
            // The sender is this one's own.
            let _ = open.wait_for(|open| *open == 0).await;
            tokio::select! {
                () = tokio::time::sleep(time) => return,
                _ = open.changed() => {}
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_idle_once_nothing_is_open_any_more() {
        let (open, briefly) = (Open::new(), Duration::from_millis(20));
        open.idle(briefly).await;
        let (first, second) = (open.hold(), open.clone().hold());
        assert!(tokio::time::timeout(10 * briefly, open.idle(briefly)).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(10 * briefly, open.idle(briefly)).await.is_err());
        drop(second);
        open.idle(briefly).await;
        // What opens meanwhile counts.
        let idle = open.idle(Duration::from_secs(3600));
        tokio::pin!(idle);
        assert!(tokio::time::timeout(briefly, &mut idle).await.is_err());
        let held = open.hold();
        assert!(tokio::time::timeout(briefly, &mut idle).await.is_err());
        drop(held);
    }
}
