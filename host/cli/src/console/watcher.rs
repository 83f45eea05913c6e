//! The thread that a console has for itself. What it prints goes to somebody who may be slow, or stand still: that holds up
//! neither the run nor, once it was to end, the program.

use super::Console;
use longshore::{Cancel, CancelLevel, EventReceiver, Outcome, RunRecord};
use std::time::Duration;
use std::{io, thread};
use tokio::sync::oneshot;

/// How long a reader who stands still is waited for at the end of a run that was to end.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// A console on a thread of its own.
pub(crate) struct Watcher {
    last: oneshot::Sender<RunRecord>,
    shown: oneshot::Receiver<()>,
}

impl Watcher {
    /// Shows what happens, on standard error.
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
            // Whoever waits for it may have given up.
            let _ = done.send(());
        })?;
        Ok(Self { last, shown })
    }

    /// Shows the end of a run, and waits for it, unless somebody cancels, or has done so.
    pub(crate) async fn finish(self, record: &RunRecord, cancel: &Cancel) {
        let is_ended = cancel.level() > CancelLevel::None || record.outcome == Outcome::TimedOut;
        // Whether the console is still there its thread knows.
        let _ = self.last.send(record.clone());
        wait(self.shown, is_ended, cancel).await;
    }

    /// Takes away what is no line, likewise.
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
