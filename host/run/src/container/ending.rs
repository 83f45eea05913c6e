//! The end of a run's container: it ends by itself, or is killed; then the run directory is removed, and others may have
//! what it held of the machine.

use crate::admission::Place;
use longshore_engine::run_directory::RunDirectory;
use longshore_engine::{Container, Ended, ScriptUser};
use longshore_model::cancel::{Cancel, CancelLevel};
use std::time::Duration;

/// How long to wait for a container's end, and again after it was killed.
const GONE_DEADLINE: Duration = Duration::from_secs(10);

/// A container whose connections are closed: an agent that still runs ends.
pub(crate) struct Ending {
    pub(crate) container: Box<dyn Container>,
    pub(crate) directory: RunDirectory,
    /// Ends the wait for an end by itself.
    pub(crate) cancel: Cancel,
    /// Held while the container lives.
    pub(crate) _held: (Option<ScriptUser>, Option<Place>),
}

/// The end of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// By itself.
    Ended(Ended),
    /// It was killed, since it did not end.
    Killed,
    /// It did not end, and may be left behind.
    Left,
}

impl Ending {
    /// Waits until the container is gone, and removes the run directory.
    pub(crate) async fn end(self) -> Gone {
        let gone = self.container_ends().await;
        self.directory.close().await;
        gone
    }

    async fn container_ends(&self) -> Gone {
        let ended = tokio::select! {
            ended = tokio::time::timeout(GONE_DEADLINE, self.container.wait()) => ended.ok(),
            _ = self.cancel.beyond(CancelLevel::Gently) => None,
        };
        if let Some(ended) = ended {
            return Gone::Ended(ended);
        }
        let kill = async {
            self.container.kill().await.ok()?;
            Some(self.container.wait().await)
        };
        match tokio::time::timeout(GONE_DEADLINE, kill).await {
            Ok(Some(_)) => Gone::Killed,
            _ => Gone::Left,
        }
    }
}
