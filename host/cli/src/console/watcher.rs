//! The console's own thread. The reader of standard error may be slow or blocked: it delays neither the run nor, after
//! a cancel, the end of the program.

use super::{Console, Look};
use longshore::{Cancel, CancelLevel, EventReceiver, Outcome, RunRecord};
use std::time::Duration;
use std::{io, thread};
use tokio::sync::oneshot;

/// How long the end of a cancelled run waits for a blocked reader.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// A console on a thread of its own.
pub(crate) struct Watcher {
    last: oneshot::Sender<(RunRecord, Option<&'static str>)>,
    shown: oneshot::Receiver<Option<Vec<String>>>,
}

impl Watcher {
    /// Shows events. Cancels a run that ends with the reader of standard output.
    pub(crate) fn start(look: Look, events: EventReceiver, cancel: &Cancel) -> io::Result<Self> {
        let (last, record) = oneshot::channel();
        let (done, shown) = oneshot::channel();
        let (runtime, cancel) = (tokio::runtime::Handle::current(), cancel.clone());
        thread::Builder::new().name("console".into()).spawn(move || {
            let mut console = runtime.block_on(Console::new(look, cancel).watch(events));
            let log_end = match record.blocking_recv() {
                Ok((record, signal)) => console.finish(&record, signal),
                Err(_) => {
                    console.clear();
                    None
                }
            };
            // The receiver may have stopped waiting.
            let _ = done.send(log_end);
        })?;
        Ok(Self { last, shown })
    }

    /// Shows the end of a run, and waits until it is shown or a cancel arrives; if the run was cancelled or timed out,
    /// for `END_PATIENCE` at most. `signal` is what cancelled it. Returns the end of the log, if it was asked for.
    pub(crate) async fn finish(
        self,
        record: &RunRecord,
        signal: Option<&'static str>,
        cancel: &Cancel,
    ) -> Option<Vec<String>> {
        let is_ended = cancel.level() > CancelLevel::None || record.outcome == Outcome::TimedOut;
        // If the console's thread has ended, there is nothing to show.
        let _ = self.last.send((record.clone(), signal));
        wait(self.shown, is_ended, cancel).await
    }

    /// Removes the bars, and waits in the same way.
    pub(crate) async fn clear(self, cancel: &Cancel) {
        drop(self.last);
        wait(self.shown, cancel.level() > CancelLevel::None, cancel).await;
    }
}

async fn wait(shown: oneshot::Receiver<Option<Vec<String>>>, is_ended: bool, cancel: &Cancel) -> Option<Vec<String>> {
    let patience = async {
        if is_ended {
            tokio::time::sleep(END_PATIENCE).await;
        } else {
            cancel.cancelled().await;
        }
    };
    tokio::select! {
        log_end = shown => log_end.unwrap_or_default(),
        () = patience => None,
    }
}
