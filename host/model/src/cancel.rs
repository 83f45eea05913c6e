//! Cancelling a run from outside: first gently, by the ladder of signals, then at once.

use std::sync::Arc;
use tokio::sync::watch;

/// How urgently a run should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CancelLevel {
    /// It may go on.
    None,
    /// The script is asked, then told, then made to end.
    Gently,
    /// Everything of it is killed.
    AtOnce,
}

/// A handle to cancel a run with; clones are the same handle.
#[derive(Debug, Clone)]
pub struct Cancel {
    level: Arc<watch::Sender<CancelLevel>>,
}

impl Cancel {
    /// A handle that nobody has pulled yet.
    #[must_use]
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(CancelLevel::None)) }
    }

    /// For runs that nobody cancels.
    #[must_use]
    pub fn never() -> Self {
        Self::new()
    }

    /// Asks for the next level: gently at first, at once when asked again.
    pub fn pull(&self) {
        self.level.send_modify(|level| {
            *level = if *level == CancelLevel::None { CancelLevel::Gently } else { CancelLevel::AtOnce };
        });
    }

    /// The level now.
    #[must_use]
    pub fn level(&self) -> CancelLevel {
        *self.level.borrow()
    }

    /// Waits until it has been pulled.
    pub async fn wait(&self) {
        self.beyond(CancelLevel::None).await;
    }

    /// Waits until the level is beyond `level`.
    pub async fn beyond(&self, level: CancelLevel) -> CancelLevel {
        let mut changes = self.level.subscribe();
        let now = changes.wait_for(|now| *now > level).await.map(|now| *now);
        now.expect("the sender is alive: `self` holds it")
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}
