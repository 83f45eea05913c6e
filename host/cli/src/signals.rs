//! The signals that end the program, for all commands with work to cancel. Ctrl-C and SIGTERM cancel gently, and at
//! once the second time. SIGHUP (a closed terminal) always cancels gently: both the kernel and the shell send it.

use longshore::{Cancel, CancelLevel};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Exit status where a signal ended the command.
pub(crate) const INTERRUPTED: u8 = 130;

/// Cancels on signals, until it is dropped.
#[derive(Debug)]
pub(crate) struct Signals {
    handling: JoinHandle<()>,
    first: Arc<OnceLock<&'static str>>,
    /// How often Ctrl-C or SIGTERM came.
    count: watch::Receiver<usize>,
}

impl Signals {
    /// Begins to handle signals: from its return on none has its default effect.
    pub(crate) fn cancelling(cancel: &Cancel) -> Self {
        let handled = Handled::begin();
        let (cancel, first) = (cancel.clone(), Arc::<OnceLock<_>>::default());
        let known = Arc::clone(&first);
        let (counting, count) = watch::channel(0);
        let handling = tokio::spawn(async move {
            if let Ok(handled) = handled {
                handled.cancel(&cancel, &known, &counting).await;
            }
        });
        Self { handling, first, count }
    }

    /// The first signal that cancelled, in words.
    pub(crate) fn first(&self) -> Option<&'static str> {
        self.first.get().copied()
    }

    /// Waits until Ctrl-C or SIGTERM came three times.
    pub(crate) async fn thrice(&self) {
        if self.count.clone().wait_for(|count| *count >= 3).await.is_err() {
            // None is handled any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handling.abort();
    }
}

/// Runs a command that is cancelled by dropping its future, which removes its containers and files.
pub(crate) async fn unless_interrupted(command: impl Future<Output = u8>) -> u8 {
    let cancel = Cancel::new();
    let _signals = Signals::cancelling(&cancel);
    tokio::select! {
        status = command => status,
        () = cancel.cancelled() => INTERRUPTED,
    }
}

/// The signals that are handled.
struct Handled {
    interrupts: Signal,
    terminations: Signal,
    /// Programs started by `nohup` continue without their terminal.
    hangups: Option<Signal>,
}

impl Handled {
    fn begin() -> io::Result<Self> {
        let interrupts = signal(SignalKind::interrupt())?;
        let terminations = signal(SignalKind::terminate())?;
        let hangups = if ignores_hangups() { None } else { signal(SignalKind::hangup()).ok() };
        Ok(Self { interrupts, terminations, hangups })
    }

    /// Cancels with each signal. `first` gets the first one, `count` those that ask for more than the one before.
    async fn cancel(mut self, cancel: &Cancel, first: &OnceLock<&'static str>, count: &watch::Sender<usize>) {
        loop {
            let (signal, level, counts) = tokio::select! {
                Some(()) = self.interrupts.recv() => ("stopped by Ctrl-C", harder(cancel), 1),
                Some(()) = self.terminations.recv() => ("stopped by SIGTERM", harder(cancel), 1),
                Some(()) = received(&mut self.hangups) => ("its terminal was closed", CancelLevel::Gently, 0),
                else => return,
            };
            first.get_or_init(|| signal);
            cancel.cancel(level);
            count.send_modify(|count| *count += counts);
        }
    }
}

/// The level of the next signal: at once if a cancel is already under way.
fn harder(cancel: &Cancel) -> CancelLevel {
    if cancel.is_cancelled() { CancelLevel::AtOnce } else { CancelLevel::Gently }
}

async fn received(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether this process was started with SIGHUP ignored.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal 1 is the lowest bit.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, getpid, kill_process};

    #[tokio::test]
    async fn a_signal_that_comes_at_once_has_not_its_default_effect() {
        let cancel = Cancel::new();
        // This runtime has one thread, on which nothing runs before the first wait.
        let signals = Signals::cancelling(&cancel);
        kill_process(getpid(), Signal::INT).unwrap();
        cancel.cancelled().await;
        assert_eq!(cancel.level(), CancelLevel::Gently);
        drop(signals);
    }
}
