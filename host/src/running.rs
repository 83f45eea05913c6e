//! A run in progress: awaited for its record, with its events and a handle to cancel it.

use longshore_engine::task::Task;
use longshore_model::cancel::Cancel;
use longshore_model::event::EventReceiver;
use longshore_model::remedy::Remedy;
use longshore_run::admission::QueueFull;
use longshore_run::chain::ChainError;
use longshore_run::record::RunRecord;
use longshore_run::request::RequestError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A run in progress, which [`Host::run`](crate::Host::run) started. Awaiting it returns the record.
#[derive(Debug)]
#[must_use = "dropping it ends the run"]
pub struct Running {
    pub(crate) task: Task<Result<RunRecord, RunError>>,
    pub(crate) events: Option<EventReceiver>,
    pub(crate) cancel: Cancel,
}

/// A run did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The request is invalid.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Too many runs of the host wait.
    #[error("cannot start the run: {0}")]
    QueueFull(#[from] QueueFull),
    /// The chain is invalid.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The host is shutting down.
    #[error("cannot start the run: its host is shutting down")]
    ShuttingDown,
    /// Checking the request panicked, or the runtime itself ends.
    #[error("cannot check the run: its task ended early")]
    Broken,
}

impl RunError {
    /// What the caller can do.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Request(error) => error.remedy(),
            Self::Chain(error) => error.remedy(),
            Self::QueueFull(_) | Self::ShuttingDown | Self::Broken => None,
        }
    }
}

impl Running {
    /// The events of the run, until it has ended. They need not be read, and no run waits for their reader: excess
    /// events are dropped and counted. `None` the second time, and once the run has been awaited.
    pub fn events(&mut self) -> Option<EventReceiver> {
        self.events.take()
    }

    /// The handle to cancel the run.
    #[must_use]
    pub fn cancellation(&self) -> Cancel {
        self.cancel.clone()
    }
}

impl Future for Running {
    type Output = Result<RunRecord, RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Events that were not taken before awaiting are not read: none need be kept.
        self.events = None;
        Poll::Ready(ready!(Pin::new(&mut self.task).poll(context)).unwrap_or(Err(RunError::Broken)))
    }
}
