//! Waiting for memory and processors, between a run's environment and its container.

use super::{Run, milliseconds};
use crate::admission::Place;
use longshore_model::event::Event;
use longshore_model::note::Note;
use std::time::{Duration, Instant};

/// A wait that a user notices, and may ask the reason of.
const NOTICED: Duration = Duration::from_millis(100);

impl Run<'_> {
    /// Waits until the run may start. Its time limit counts from its script's start. `None` if it was cancelled before.
    pub(super) async fn admitted(&mut self) -> Option<Place> {
        let begun = Instant::now();
        let turn = self.prepared.turn.unwrap_or_else(|| self.admission.turn());
        let (caller, limits) = (self.prepared.caller.as_deref(), &self.prepared.limits);
        let place = tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            place = self.admission.admit(turn, caller, limits, &self.events) => Some(place),
        };
        let waited = begun.elapsed();
        self.timings.queue += milliseconds(waited);
        // It has left the queue.
        self.prepared.seat = None;
        let place = place?;
        if waited >= NOTICED
            && let Some(note) = place.note(limits).map(Note::from)
        {
            self.tell(Event::Note(note.clone()));
            self.prepared.notes.push(note);
        }
        Some(place)
    }
}
