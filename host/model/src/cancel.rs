//! Cancels a run from outside: first gently, by escalating signals, then at once.

use std::sync::Arc;
use tokio::sync::watch;

/// How urgently a run should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CancelLevel {
    /// The run continues.
    None,
    /// The script is asked to end, then signalled, then killed.
    Gently,
    /// All its processes are killed.
    AtOnce,
}

/// A handle that cancels a run; clones share their state.
#[derive(Debug, Clone)]
pub struct Cancel {
    level: Arc<watch::Sender<CancelLevel>>,
}

impl Cancel {
    /// A handle in its initial state: not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(CancelLevel::None)) }
    }

    /// Raises the level. It is never lowered: of several callers the most urgent one wins.
    pub fn cancel(&self, level: CancelLevel) {
        self.level.send_if_modified(|now| {
            let raises = level > *now;
            *now = level.max(*now);
            raises
        });
    }

    /// Whether it has been cancelled, at any level.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.level() > CancelLevel::None
    }

    /// The level now.
    #[must_use]
    pub fn level(&self) -> CancelLevel {
        *self.level.borrow()
    }

    /// Waits until it has been cancelled, at any level.
    pub async fn cancelled(&self) {
        self.beyond(CancelLevel::None).await;
    }

    /// Waits until the level is beyond `level`.
    pub async fn beyond(&self, level: CancelLevel) -> CancelLevel {
        let mut changes = self.level.subscribe();
        let now = changes.wait_for(|now| *now > level).await.map(|now| *now);
        now.expect("the sender is alive: `self` holds it")
    }

    /// Cancels `self` as `other` is cancelled, until the most urgent level is reached.
    pub async fn follow(self, other: Self) {
        let mut level = CancelLevel::None;
        while level < CancelLevel::AtOnce {
            level = other.beyond(level).await;
            self.cancel(level);
        }
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_level_is_raised_and_never_lowered() {
        let (cancel, other) = (Cancel::new(), Cancel::new());
        assert!(!cancel.is_cancelled());
        let following = tokio::spawn(cancel.clone().follow(other.clone()));
        other.cancel(CancelLevel::Gently);
        cancel.cancelled().await;
        assert_eq!((cancel.level(), cancel.is_cancelled()), (CancelLevel::Gently, true));
        other.cancel(CancelLevel::AtOnce);
        following.await.unwrap();
        cancel.cancel(CancelLevel::Gently);
        assert_eq!(cancel.level(), CancelLevel::AtOnce);
    }
}
