//! What happens in a run, until R asks for it. A thread reads it, because a host leaves a caller that reads nothing: it
//! calls nothing of R's. What R does not ask for is bounded.

use longshore_caller::{CallerError, Canceller, Happening, Run};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most that waits for R: events as many as lines that a person reads in a day, and bytes as much as a script may print.
const WAITING_MAX: usize = 100_000;
const BYTES_MAX: usize = 64 << 20;

/// A run that is being heard. Dropping it ends the run.
pub(crate) struct Heard {
    shared: Arc<Shared>,
    canceller: Canceller,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Happening>,
    /// Bytes of the log in it.
    bytes: usize,
    /// How many of it were left out since R last asked.
    dropped: u64,
    /// How the connection ended, until R asks.
    end: Option<Result<(), CallerError>>,
    has_ended: bool,
}

/// What there is for R.
pub(crate) enum Next {
    Happening(Happening),
    /// So many things were left out here.
    Dropped(u64),
    /// Nothing yet.
    Nothing,
    End,
}

impl Heard {
    /// Begins to hear a run.
    pub(crate) fn begin(mut run: Run) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (canceller, hearing) = (run.canceller(), Arc::clone(&shared));
        // Not joined: it ends with the run, or with R.
        std::thread::Builder::new().name("longshore run".into()).spawn(move || {
            loop {
                let (happening, end) = match run.next() {
                    Ok(Some(happening)) => (Some(happening), None),
                    Ok(None) => (None, Some(Ok(()))),
                    Err(error) => (None, Some(Err(error))),
                };
                let is_last = matches!(happening, Some(Happening::Record(_) | Happening::Rejected(_)));
                let mut state = hearing.lock();
                happening.into_iter().for_each(|happening| state.add(happening));
                state.has_ended = is_last || end.is_some();
                state.end = end;
                hearing.changed.notify_all();
                if state.has_ended {
                    return;
                }
            }
        })?;
        Ok(Self { shared, canceller })
    }

    /// What happened next, once there is something, or after this time.
    pub(crate) fn next_within(&self, time: Duration) -> Result<Next, CallerError> {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, time, |state| state.is_empty() && !state.has_ended);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.dropped > 0 {
            return Ok(Next::Dropped(std::mem::take(&mut state.dropped)));
        }
        if let Some(happening) = state.waiting.pop_front() {
            state.bytes -= bytes(&happening);
            return Ok(Next::Happening(happening));
        }
        match state.end.take() {
            None if state.has_ended => Ok(Next::End),
            None => Ok(Next::Nothing),
            Some(end) => end.map(|()| Next::End),
        }
    }

    /// Whether the run has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.lock().has_ended
    }

    /// Ends it.
    pub(crate) fn canceller(&self) -> &Canceller {
        &self.canceller
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        if !self.has_ended() {
            // A host that does not read ends it with the connection.
            let _ = self.canceller.cancel();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0
    }

    fn add(&mut self, happening: Happening) {
        self.bytes += bytes(&happening);
        self.waiting.push_back(happening);
        while self.waiting.len() > WAITING_MAX || self.bytes > BYTES_MAX {
            // Tables and the record stay: there are few of them, and they are the last.
            let is_small = |happening: &Happening| matches!(happening, Happening::Event(_) | Happening::Log(..));
            let Some(oldest) = self.waiting.front().filter(|oldest| is_small(oldest)) else { return };
            self.bytes -= bytes(oldest);
            self.waiting.pop_front();
            self.dropped += 1;
        }
    }
}

fn bytes(happening: &Happening) -> usize {
    if let Happening::Log(_, bytes) = happening { bytes.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::LogSource;

    #[test]
    fn what_nobody_asks_for_is_bounded_and_counted() {
        let mut state = State::default();
        for _ in 0..100 {
            state.add(Happening::Log(LogSource::Stdout, vec![0; 1 << 20]));
        }
        assert_eq!((state.waiting.len(), state.bytes, state.dropped), (64, BYTES_MAX, 36));
        for _ in 0..WAITING_MAX {
            state.add(Happening::Event(serde_json::Map::new()));
        }
        assert_eq!((state.waiting.len(), state.bytes, state.dropped), (WAITING_MAX, 0, 100));
    }
}
