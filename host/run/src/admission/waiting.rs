//! Runs that wait for their turn: each is a task that is woken once, when it is admitted. Their places are told by one
//! task of all, once a second and only where they have changed by a tenth, so that a long queue costs little.

use super::demand::Demand;
use super::queue::{Caller, Hold, Queue, Ticket, Turn};
use longshore_config::settings::AdmissionSettings;
use longshore_engine::task::Task;
use longshore_model::event::{Event, Events};
use longshore_model::limits::Limits;
use longshore_model::size::format_size;
use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::oneshot;

/// How often changed places are told.
const TELLING: Duration = Duration::from_secs(1);

/// Up to here each change of a place is told; beyond, each that is a tenth of it or more.
const NEAR: u64 = 10;

/// Thousandths of a processor.
const CPU: u64 = 1000;

/// Admits the runs of a host. Clones are the same.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Inner>);

/// Too many runs wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the host's queue is full: at most {bound} runs may wait (setting `admission.queue`)")]
pub struct QueueFull {
    /// How many may wait.
    pub bound: u64,
}

/// A run's seat in the queue, from before it is checked until it is admitted or dropped.
#[derive(Debug)]
#[must_use = "it is held only until it is dropped"]
pub struct Seat {
    inner: Arc<Inner>,
    pub(crate) turn: Turn,
}

/// What an admitted run holds of the machine, until this is dropped.
#[derive(Debug)]
#[must_use = "it is held only until it is dropped"]
pub(crate) struct Place {
    inner: Arc<Inner>,
    hold: Hold,
}

/// What runs take of the machine now. Totals of 0 are no bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Load {
    /// Runs that are admitted and whose containers have not ended.
    pub admitted: usize,
    /// Runs that wait.
    pub waiting: usize,
    /// Memory that admitted runs may take by their limits, in bytes, and how much all may.
    pub memory_bytes: u64,
    /// See `memory_bytes`.
    pub memory_limit_bytes: u64,
    /// Processors that admitted runs may take by their limits, and how many all may.
    pub cpus: f64,
    /// See `cpus`.
    pub cpus_limit: f64,
    /// How many runs may wait.
    pub queue_limit: u64,
}

#[derive(Debug)]
struct Inner {
    bound: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    waiters: HashMap<Ticket, Waiter>,
    seats: u64,
    /// While runs wait.
    telling: Option<Task<()>>,
}

/// A run that waits.
#[derive(Debug)]
struct Waiter {
    admitted: oneshot::Sender<Place>,
    events: Events,
    /// The place that it was told last.
    told: Option<u64>,
}

/// A run leaves the queue when this is dropped.
struct InQueue<'a> {
    inner: &'a Arc<Inner>,
    caller: Caller,
    ticket: Ticket,
}

impl Admission {
    /// Admission by these settings; what they leave open is measured on this machine now.
    #[must_use]
    pub fn new(settings: &AdmissionSettings) -> Self {
        let queue = Queue::new(Demand::totals(settings));
        let state = State { queue, waiters: HashMap::new(), seats: 0, telling: None };
        Self(Arc::new(Inner { bound: settings.queue, state: Mutex::new(state) }))
    }

    /// The turn of a run that is asked for now. Runs of a caller that wait are admitted in the order of their turns.
    #[must_use]
    pub fn turn(&self) -> Turn {
        self.0.state().queue.turn()
    }

    /// Takes a seat for a run that is to be made.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub fn enter(&self, turn: Turn) -> Result<Seat, QueueFull> {
        let mut state = self.0.state();
        // Runs that need not wait have their seats only until they start.
        let (totals, held) = (state.queue.totals(), state.queue.held());
        let free = if totals.millicpus == 0 { u64::MAX } else { totals.minus(held).millicpus / CPU };
        if state.seats >= self.0.bound.saturating_add(free) {
            return Err(QueueFull { bound: self.0.bound });
        }
        state.seats += 1;
        Ok(Seat { inner: Arc::clone(&self.0), turn })
    }

    /// What runs take now.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "processors are few")]
    pub fn load(&self) -> Load {
        let state = self.0.state();
        let (held, totals) = (state.queue.held(), state.queue.totals());
        let cpus = |millicpus: u64| millicpus as f64 / CPU as f64;
        Load {
            admitted: state.queue.admitted(),
            waiting: state.queue.waiting(),
            memory_bytes: held.memory_bytes,
            memory_limit_bytes: totals.memory_bytes,
            cpus: cpus(held.millicpus),
            cpus_limit: cpus(totals.millicpus),
            queue_limit: self.0.bound,
        }
    }

    /// How many runs with these limits have room at the same time.
    pub(crate) fn most(&self, limits: &Limits) -> usize {
        Demand::of(limits).most(self.0.state().queue.totals())
    }

    /// Waits until there is room for a run with these limits, and it is its caller's turn. If this is dropped, the run
    /// leaves the queue.
    pub(crate) async fn admit(&self, turn: Turn, caller: Option<&str>, limits: &Limits, events: &Events) -> Place {
        let caller = Caller::from(caller.unwrap_or_default());
        let (admitted, place) = oneshot::channel();
        let waiter = Waiter { admitted, events: events.clone(), told: None };
        let ticket = Inner::arrive(&self.0, turn, &caller, Demand::of(limits), waiter);
        let _in_queue = InQueue { inner: &self.0, caller, ticket };
        match place.await {
            Ok(place) => place,
            // The sender stays in the state until it is used or the run leaves.
            Err(_) => pending().await,
        }
    }
}

impl Place {
    /// What is to be noted of a run with these limits if it had to wait: why it was admitted alone.
    pub(crate) fn note(&self, limits: &Limits) -> Option<String> {
        let (demand, totals) = (Demand::of(limits), self.inner.state().queue.totals());
        let all = demand.at_most(totals);
        let what = match demand {
            _ if totals.memory_bytes > 0 && all.memory_bytes < demand.memory_bytes => {
                let (own, all) = (format_size(demand.memory_bytes), format_size(totals.memory_bytes));
                format!("its limit of memory, {own}, is more than the {all} of all runs together")
            }
            _ if totals.millicpus > 0 && all.millicpus < demand.millicpus => {
                "its limit of processors is more than that of all runs together".into()
            }
            _ => return None,
        };
        Some(format!("the run waited until no other went on: {what}"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        state.queue.release(&self.hold);
        Inner::settle(&self.inner, state);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.inner.state().seats -= 1;
    }
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        if state.waiters.remove(&self.ticket).is_some() {
            state.queue.leave(&self.caller, self.ticket);
            Inner::settle(self.inner, state);
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(this: &Arc<Self>, turn: Turn, caller: &Caller, demand: Demand, waiter: Waiter) -> Ticket {
        let mut state = this.state();
        let ticket = state.queue.arrive(turn, caller, demand);
        state.waiters.insert(ticket, waiter);
        let admitted = Self::admitted(this, &mut state);
        let State { queue, waiters, telling, .. } = &mut *state;
        if let Some(waiter) = waiters.get_mut(&ticket) {
            waiter.tell(queue.place(caller, ticket));
            telling.get_or_insert_with(|| Task::spawn(tell_places(Arc::downgrade(this))));
        }
        drop(state);
        hand_over(admitted);
        ticket
    }

    /// Admits those for whom there is room now.
    fn settle(this: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let admitted = Self::admitted(this, &mut state);
        let telling = if state.waiters.is_empty() { state.telling.take() } else { None };
        drop(state);
        drop(telling);
        hand_over(admitted);
    }

    fn admitted(this: &Arc<Self>, state: &mut State) -> Vec<(Waiter, Place)> {
        let mut admitted = Vec::new();
        while let Some(hold) = state.queue.admit() {
            let waiter = state.waiters.remove(&hold.ticket);
            let place = Place { inner: Arc::clone(this), hold };
            // Each run in the queue has one.
            admitted.extend(waiter.map(|waiter| (waiter, place)));
        }
        admitted
    }
}

/// Without the state: a place whose run has left meanwhile is given back.
fn hand_over(admitted: Vec<(Waiter, Place)>) {
    for (mut waiter, place) in admitted {
        if waiter.told.is_some() {
            waiter.tell(0);
        }
        let _ = waiter.admitted.send(place);
    }
}

impl Waiter {
    fn tell(&mut self, place: u64) {
        self.told = Some(place);
        self.events.tell(Event::Queued { place });
    }
}

/// Tells runs that wait their places where these have changed.
async fn tell_places(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(TELLING).await;
        let Some(inner) = inner.upgrade() else { return };
        let mut state = inner.state();
        let State { queue, waiters, .. } = &mut *state;
        for (ticket, place) in queue.places() {
            if let Some(waiter) = waiters.get_mut(&ticket).filter(|waiter| is_news(waiter.told, place)) {
                waiter.tell(place);
            }
        }
    }
}

fn is_news(told: Option<u64>, place: u64) -> bool {
    told.is_none_or(|told| told != place && (place <= NEAR || told.abs_diff(place) * 10 >= told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::event::{EventReceiver, events};

    fn settings(cpus: u64, queue: u64) -> AdmissionSettings {
        AdmissionSettings { memory_bytes: Some(1 << 40), cpus: Some(cpus), queue }
    }

    fn limits(memory_bytes: u64) -> Limits {
        let mut limits = Limits::default();
        limits.memory_bytes = memory_bytes;
        limits
    }

    /// A run that waits, with its events.
    fn waits(admission: &Admission, caller: &'static str) -> (tokio::task::JoinHandle<Place>, EventReceiver) {
        let (sender, received) = events();
        let admission = admission.clone();
        (
            tokio::spawn(async move { admission.admit(admission.turn(), Some(caller), &limits(1), &sender).await }),
            received,
        )
    }

    async fn until_waiting(admission: &Admission, runs: usize) {
        while admission.load().waiting != runs {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_run_with_room_is_told_nothing_and_one_without_its_place() {
        let admission = Admission::new(&settings(1, 10));
        let (first, mut quiet) = waits(&admission, "a");
        let first = first.await.unwrap();
        assert_eq!(quiet.recv().await, None);
        let (second, mut told) = waits(&admission, "a");
        assert_eq!(told.recv().await, Some(Event::Queued { place: 1 }));
        let (third, mut behind) = waits(&admission, "a");
        assert_eq!(behind.recv().await, Some(Event::Queued { place: 2 }));
        drop(first);
        let second = second.await.unwrap();
        assert_eq!((told.recv().await, told.recv().await), (Some(Event::Queued { place: 0 }), None));
        // The next telling.
        assert_eq!(behind.recv().await, Some(Event::Queued { place: 1 }));
        drop(second);
        let third = third.await.unwrap();
        let load = admission.load();
        assert_eq!((load.admitted, load.waiting, load.memory_bytes), (1, 0, 1));
        assert!((load.cpus - 1.0).abs() < f64::EPSILON && admission.0.state().telling.is_none());
        drop(third);
        assert_eq!(admission.load().admitted, 0);
    }

    #[tokio::test]
    async fn a_run_that_gives_up_leaves_the_queue_at_once() {
        let admission = Admission::new(&settings(1, 10));
        let first = waits(&admission, "a").0.await.unwrap();
        let (second, _second) = waits(&admission, "a");
        until_waiting(&admission, 1).await;
        let (third, _third) = waits(&admission, "a");
        until_waiting(&admission, 2).await;
        second.abort();
        until_waiting(&admission, 1).await;
        drop(first);
        let third = third.await.unwrap();
        // One that is dropped after it was admitted and before it knows gives back what it holds.
        let (fourth, _fourth) = waits(&admission, "a");
        until_waiting(&admission, 1).await;
        drop(third);
        fourth.abort();
        let _ = fourth.await;
        assert_eq!(admission.load().admitted, 0);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_names_its_bound() {
        let admission = Admission::new(&settings(2, 3));
        let seats: Vec<_> = (0..5).map(|_| admission.enter(admission.turn()).unwrap()).collect();
        let full = admission.enter(admission.turn()).unwrap_err();
        let text = "the host's queue is full: at most 3 runs may wait (setting `admission.queue`)";
        assert_eq!((full, full.to_string().as_str()), (QueueFull { bound: 3 }, text));
        drop(seats);
        assert!(admission.enter(admission.turn()).is_ok());
        // While runs go on, only those that wait have room.
        let running = [waits(&admission, "a").0.await.unwrap(), waits(&admission, "a").0.await.unwrap()];
        let seats: Vec<_> = std::iter::from_fn(|| admission.enter(admission.turn()).ok()).collect();
        assert_eq!(seats.len(), 3);
        drop(running);
    }

    #[tokio::test]
    async fn a_run_with_more_than_all_there_is_has_a_note() {
        let admission = Admission::new(&AdmissionSettings { memory_bytes: Some(1 << 30), ..settings(2, 1) });
        let (sender, _received) = events();
        let large = limits(3 << 30);
        let place = admission.admit(admission.turn(), None, &large, &sender).await;
        let note = "the run waited until no other went on: its limit of memory, 3GiB, is more than the 1GiB of all runs \
                    together";
        assert_eq!(place.note(&large).as_deref(), Some(note));
        assert_eq!(place.note(&limits(1)), None);
    }

    #[test]
    fn places_are_told_in_steps() {
        assert!(is_news(None, 1000) && is_news(Some(1000), 900) && is_news(Some(3), 2) && is_news(Some(900), 1000));
        assert!(!is_news(Some(1000), 901) && !is_news(Some(7), 7) && !is_news(Some(100), 100));
    }
}
