//! Tasks that are aborted with their owner, so that abandoned work does not continue; and blocking work, on a thread of
//! its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::{JoinHandle, spawn_blocking};

/// A task that is aborted when this is dropped.
#[derive(Debug)]
pub struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Starts a task.
    pub fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Its result; `None` if it panicked.
impl<T> Future for Task<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs blocking work on a thread for it. A panic is returned as an error.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|broken| Err(io::Error::other(broken)))
}

/// Waits for an optional task, and removes it when it has ended. Cancel safe; may be called again.
pub async fn next<T>(task: &mut Option<Task<T>>) -> Option<T> {
    let Some(running) = task else { return std::future::pending().await };
    let ended = running.await;
    *task = None;
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_task_ends_with_its_owner() {
        let (held, dropped) = oneshot::channel::<()>();
        let task = Task::spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(task);
        assert!(dropped.await.is_err());
    }

    #[tokio::test]
    async fn a_panic_is_no_result_and_takes_nobody_with_it() {
        let mut task = Some(Task::spawn(async { panic!("on purpose") }));
        assert_eq!(next::<()>(&mut task).await, None);
        assert!(task.is_none());
        let mut task = Some(Task::spawn(async { 7 }));
        assert_eq!(next(&mut task).await, Some(7));
    }
}
