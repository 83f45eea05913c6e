//! The console's own thread. The reader of standard error may be slow or blocked: it delays neither the run nor, after
//! a cancel, the end of the program.

use super::Console;
use longshore::{Cancel, CancelLevel, EventReceiver, Outcome, RunRecord};
use std::time::Duration;
use std::{io, thread};
use tokio::sync::oneshot;

/// How long the end of a cancelled run waits for a blocked reader.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// A console on a thread of its own.
pub(crate) struct Watcher {
    last: oneshot::Sender<RunRecord>,
    shown: oneshot::Receiver<()>,
}

impl Watcher {
    /// Shows events on standard error.
    pub(crate) fn start(quiet: bool, events: EventReceiver) -> io::Result<Self> {
        let (last, record) = oneshot::channel();
        let (done, shown) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        thread::Builder::new().name("console".into()).spawn(move || {
            let console = runtime.block_on(Console::new(quiet).watch(events));
            match record.blocking_recv() {
                Ok(record) => console.finish(&record),
                Err(_) => console.clear(),
            }
            // The receiver may have stopped waiting.
            let _ = done.send(());
        })?;
        Ok(Self { last, shown })
    }

    /// Shows the end of a run, and waits until it is shown or a cancel arrives; if the run was cancelled or timed out,
    /// for `END_PATIENCE` at most.
    pub(crate) async fn finish(self, record: &RunRecord, cancel: &Cancel) {
        let is_ended = cancel.level() > CancelLevel::None || record.outcome == Outcome::TimedOut;
        // If the console's thread has ended, there is nothing to show.
        let _ = self.last.send(record.clone());
        wait(self.shown, is_ended, cancel).await;
    }

    /// Removes the bars, and waits in the same way.
    pub(crate) async fn clear(self, cancel: &Cancel) {
        drop(self.last);
        wait(self.shown, cancel.level() > CancelLevel::None, cancel).await;
    }
}

async fn wait(shown: oneshot::Receiver<()>, is_ended: bool, cancel: &Cancel) {
    let patience = async {
        if is_ended {
            tokio::time::sleep(END_PATIENCE).await;
        } else {
            cancel.cancelled().await;
        }
    };
    tokio::select! {
        _ = shown => {}
        () = patience => {}
    }
}
