//! Messages and progress, limited in rate. A script may report in every turn of a loop: a report that is too early is
//! held back, replaced by the next, and sent by a thread when it is due, so that the last one is never lost.

use crate::error::ClientError;
use crate::link::lock;
use longshore_protocol::FromScript;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Minimum time between two reports: 50 a second is more than anyone can read.
const INTERVAL: Duration = Duration::from_millis(20);

/// Sends reports, at once or when they are due.
pub(crate) struct Reports {
    shared: Arc<Shared>,
}

/// Delivers a report.
type Carry = dyn Fn(&FromScript) -> Result<(), ClientError> + Send + Sync;

struct Shared {
    send: Box<Carry>,
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    message: Option<String>,
    progress: Option<(f64, Option<String>)>,
    last_sent: Option<Instant>,
    thread_runs: bool,
    closed: bool,
}

impl Reports {
    /// Reports that are delivered by `send`.
    pub(crate) fn new(send: impl Fn(&FromScript) -> Result<(), ClientError> + Send + Sync + 'static) -> Self {
        let shared = Shared { send: Box::new(send), held: Mutex::new(Held::default()), changed: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn message(&self, text: String) -> Result<(), ClientError> {
        self.report(|held| held.message = Some(text))
    }

    pub(crate) fn progress(&self, fraction: f64, text: Option<String>) -> Result<(), ClientError> {
        self.report(|held| held.progress = Some((fraction, text)))
    }

    /// Replaces a message that is held back, without waiting. `false` if there is none.
    pub(crate) fn replace_message(&self, text: &str) -> bool {
        self.replace(|held| {
            let waiting = held.message.as_mut()?;
            waiting.clear();
            waiting.push_str(text);
            Some(())
        })
    }

    /// Replaces progress that is held back, in the same way.
    pub(crate) fn replace_progress(&self, fraction: f64, text: Option<&str>) -> bool {
        self.replace(|held| {
            *held.progress.as_mut()? = (fraction, text.map(str::to_owned));
            Some(())
        })
    }

    fn replace(&self, set: impl FnOnce(&mut Held) -> Option<()>) -> bool {
        self.shared.held.try_lock().ok().and_then(|mut held| set(&mut held)).is_some()
    }

    /// Sends held-back reports.
    pub(crate) fn flush(&self) -> Result<(), ClientError> {
        self.shared.send_held_back(&mut lock(&self.shared.held))
    }

    /// Sends held-back reports, and a message that cannot wait.
    pub(crate) fn now(&self, message: &FromScript) -> Result<(), ClientError> {
        self.flush()?;
        (self.shared.send)(message)
    }

    fn report(&self, set: impl FnOnce(&mut Held)) -> Result<(), ClientError> {
        let mut held = lock(&self.shared.held);
        let waiting = held.message.is_some() || held.progress.is_some();
        set(&mut held);
        if waiting {
            return Ok(());
        }
        if held.last_sent.is_none_or(|sent| sent.elapsed() >= INTERVAL) {
            return self.shared.send_held_back(&mut held);
        }
        if held.thread_runs {
            self.shared.changed.notify_one();
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("longshore-reports".into()).stack_size(128 << 10);
        held.thread_runs = thread.spawn(move || shared.send_held()).is_ok();
        // If no thread can be started, nothing is held back.
        if held.thread_runs { Ok(()) } else { self.shared.send_held_back(&mut held) }
    }
}

impl Shared {
    fn send_held_back(&self, held: &mut Held) -> Result<(), ClientError> {
        held.last_sent = Some(Instant::now());
        if let Some(text) = held.message.take() {
            (self.send)(&FromScript::Message { text })?;
        }
        if let Some((fraction, text)) = held.progress.take() {
            (self.send)(&FromScript::Progress { fraction, text })?;
        }
        Ok(())
    }

    fn send_held(&self) {
        let mut held = lock(&self.held);
        while !held.closed {
            let waiting = held.message.is_some() || held.progress.is_some();
            let due = held.last_sent.map_or(Duration::ZERO, |sent| INTERVAL.saturating_sub(sent.elapsed()));
            held = match (waiting, due) {
                (false, _) => self.changed.wait(held).unwrap_or_else(PoisonError::into_inner),
                (true, Duration::ZERO) => {
                    // The next call of the script has the same failure and reports it.
                    let _ = self.send_held_back(&mut held);
                    held
                }
                (true, due) => self.changed.wait_timeout(held, due).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        // A host that is gone needs no last report.
        let _ = self.flush();
        lock(&self.shared.held).closed = true;
        self.shared.changed.notify_one();
    }
}
