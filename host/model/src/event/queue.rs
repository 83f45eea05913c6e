//! The queue between a run and its reader. A run never waits for its reader: unread events are bounded, then dropped
//! and counted. Events of the host itself are never dropped; output of a script or a build may be.

use super::{Event, PullStep};
use crate::human::{count, size};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Bytes that may wait for the reader: the log of a run with the default limit (64 MiB), and a quarter of that for
/// other events. A reader that is merely slow loses nothing of such a run.
const WAITING_BYTES: usize = 80 << 20;

/// Bytes of a log event to which the next one is appended, so that a script that prints byte by byte makes few events.
const LOG_BYTES: usize = 64 << 10;

/// Events that were dropped because the reader had not read earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DroppedEvents {
    /// Events.
    pub events: u64,
    /// Bytes of text in them.
    pub bytes: u64,
}

impl fmt::Display for DroppedEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, bytes) = (count(self.events, "event"), size(self.bytes));
        write!(f, "{events} with {bytes} of text dropped: their reader was too slow")
    }
}

/// The sending end; clones send to the same reader.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

/// The reading end.
#[derive(Debug)]
pub struct EventReceiver {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Event>,
    bytes: usize,
    senders: usize,
    reader_is_gone: bool,
    /// Dropped, but not yet reported.
    untold: DroppedEvents,
    dropped: DroppedEvents,
}

/// Creates a queue for a run's events. The run does not wait for its reader, and continues without one.
#[must_use]
pub fn events() -> (Events, EventReceiver) {
    let queue = Arc::new(Queue { state: Mutex::new(State { senders: 1, ..State::default() }), ..Queue::default() });
    (Events { queue: Arc::clone(&queue) }, EventReceiver { queue })
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, event: Event) {
        if self.reader_is_gone {
            return;
        }
        let bytes = text_bytes(&event);
        match (self.waiting.back_mut(), &event) {
            // Only the newest one matters.
            (Some(last @ Event::Progress { .. }), Event::Progress { .. }) => {
                self.bytes = self.bytes - text_bytes(last) + bytes;
                *last = event;
                return;
            }
            (Some(last @ Event::Queued { .. }), Event::Queued { .. }) => {
                *last = event;
                return;
            }
            (Some(Event::Reading { input: last }), Event::Reading { input }) if last == input => return,
            _ => {}
        }
        if is_of_others(&event) && self.bytes + cost(bytes) > WAITING_BYTES {
            for dropped in [&mut self.dropped, &mut self.untold] {
                dropped.events += 1;
                dropped.bytes += bytes as u64;
            }
            return;
        }
        if let (Some(Event::Log { source: last, bytes: text }), Event::Log { source, bytes: more }) =
            (self.waiting.back_mut(), &event)
            && last == source
            && text.len() + more.len() <= LOG_BYTES
        {
            text.extend_from_slice(more);
            self.bytes += bytes;
            return;
        }
        self.bytes += cost(bytes);
        self.waiting.push_back(event);
    }

    fn give(&mut self) -> Option<Event> {
        if let Some(event) = self.waiting.pop_front() {
            self.bytes -= cost(text_bytes(&event));
            return Some(event);
        }
        let untold = std::mem::take(&mut self.untold);
        (untold.events > 0).then_some(Event::Dropped(untold))
    }
}

impl Events {
    /// Sends an event to the reader. Never waits.
    pub fn tell(&self, event: Event) {
        self.queue.state().take(event);
        self.queue.changed.notify_one();
    }

    /// The events that were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> DroppedEvents {
        self.queue.state().dropped
    }
}

impl Clone for Events {
    fn clone(&self) -> Self {
        self.queue.state().senders += 1;
        Self { queue: Arc::clone(&self.queue) }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.queue.state().senders -= 1;
        self.queue.changed.notify_one();
    }
}

impl EventReceiver {
    /// Waits for the next event; `None` after the last one.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            {
                let mut state = self.queue.state();
                if let Some(event) = state.give() {
                    return Some(event);
                }
                if state.senders == 0 {
                    return None;
                }
            }
            self.queue.changed.notified().await;
        }
    }

    /// The next event, if one is waiting.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.queue.state().give()
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.reader_is_gone = true;
        state.waiting.clear();
        state.bytes = 0;
    }
}

/// Whether a script, a build or a registry determines the number of these events.
fn is_of_others(event: &Event) -> bool {
    match event {
        Event::Log { .. }
        | Event::Message(_)
        | Event::Error(_)
        | Event::Progress { .. }
        | Event::Reading { .. }
        | Event::Building { .. }
        | Event::Pulling { step: PullStep::Layer(_), .. } => true,
        Event::Begun { .. }
        | Event::Engine { .. }
        | Event::Built { .. }
        | Event::Queued { .. }
        | Event::Pulling { .. }
        | Event::Connected
        | Event::Started
        | Event::Step { .. }
        | Event::Note(_)
        | Event::Ending
        | Event::Publishing
        | Event::Attended(_)
        | Event::Unsaved { .. }
        | Event::Dropped(_) => false,
    }
}

fn text_bytes(event: &Event) -> usize {
    match event {
        Event::Log { bytes, .. } => bytes.len(),
        Event::Message(text) | Event::Error(text) => text.len(),
        Event::Note(note) => note.text.len(),
        Event::Progress { text, .. } => text.as_ref().map_or(0, String::len),
        Event::Building { line } | Event::Built { line } => line.len(),
        _ => 0,
    }
}

/// The memory that an event takes while it waits.
fn cost(text_bytes: usize) -> usize {
    size_of::<Event>() + text_bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::LogSource;

    fn log(bytes: usize) -> Event {
        Event::Log { source: LogSource::Stdout, bytes: vec![b'x'; bytes] }
    }

    #[tokio::test]
    async fn a_reader_who_takes_nothing_holds_nobody_up_and_bounds_what_waits() {
        let (events, mut received) = events();
        events.tell(Event::Started);
        let (piece, pieces) = (256 << 10, 1000);
        for _ in 0..pieces {
            events.tell(log(piece));
        }
        events.tell(Event::Ending);
        drop(events);
        let (mut bytes, mut all) = (0, Vec::new());
        while let Some(event) = received.recv().await {
            if let Event::Log { bytes: text, .. } = &event {
                bytes += text.len();
            } else {
                all.push(event);
            }
        }
        let Some(Event::Dropped(dropped)) = all.pop() else { panic!("{all:?}") };
        assert_eq!(all, [Event::Started, Event::Ending]);
        assert!(bytes <= WAITING_BYTES && bytes > WAITING_BYTES - 2 * piece, "{bytes}");
        assert_eq!(bytes as u64 + dropped.bytes, (pieces * piece) as u64);
        assert_eq!(dropped.events, (pieces - bytes / piece) as u64);
    }

    #[tokio::test]
    async fn what_is_printed_byte_by_byte_makes_few_events() {
        let (events, mut received) = events();
        for _ in 0..100_000 {
            events.tell(log(1));
        }
        drop(events);
        let mut lengths = Vec::new();
        while let Some(event) = received.recv().await {
            lengths.push(text_bytes(&event));
        }
        assert_eq!(lengths, [LOG_BYTES, 100_000 - LOG_BYTES]);
    }

    #[tokio::test]
    async fn of_progress_the_newest_counts() {
        let (events, mut received) = events();
        let progress = |fraction| Event::Progress { fraction, text: Some("x".into()) };
        for part in 0..1000 {
            events.tell(progress(f64::from(part)));
            events.tell(Event::Reading { input: 1 });
            events.tell(Event::Reading { input: 1 });
        }
        for part in 0..10 {
            events.tell(progress(f64::from(part)));
        }
        drop(events);
        let mut all = Vec::new();
        while let Some(event) = received.recv().await {
            all.push(event);
        }
        assert_eq!(all.len(), 2001);
        assert_eq!(all.last(), Some(&progress(9.0)));
    }

    #[tokio::test]
    async fn a_reader_hears_the_end_also_while_it_waits() {
        let (events, mut received) = events();
        let waiting = tokio::spawn(async move { (received.recv().await, received.recv().await) });
        let second = events.clone();
        second.tell(Event::Started);
        drop(second);
        drop(events);
        assert_eq!(waiting.await.unwrap(), (Some(Event::Started), None));
    }

    #[test]
    fn nothing_is_kept_for_a_reader_who_is_gone() {
        let (events, received) = events();
        events.tell(log(1000));
        drop(received);
        events.tell(log(1000));
        let state = events.queue.state();
        assert_eq!((state.waiting.len(), state.bytes, state.dropped), (0, 0, DroppedEvents::default()));
    }
}
