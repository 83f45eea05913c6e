//! The queue of runs, without time and tasks: a run arrives, is admitted once there is room for it and it is its caller's
//! turn, and gives back what it held; or leaves before. `waiting.rs` has the tasks that wait.
//!
//! Within a caller the order is that in which they were asked for. Between callers the next is whose runs hold the least; where they hold
//! the same, who was served least. A run for which there is no room is overtaken by runs for which there is, but by no
//! more than `PATIENCE`: then nothing is admitted before it, and the runs that end make room for it.

use super::demand::Demand;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How many runs may be admitted while one is the next of its caller. Until then the machine stays busy beside a large
/// run that waits for room, and after that the large run waits only for what runs already.
const PATIENCE: u64 = 64;

/// How many callers are looked at for a run that has room. More of them have as large runs only by chance.
const LOOK_MAX: usize = 64;

/// Who asks for runs.
pub(super) type Caller = Arc<str>;

/// When a run was asked for: later ones are greater. The parts of a run have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn(pub(super) u64);

/// A run in the queue. Within a caller the least is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket {
    turn: Turn,
    number: u64,
}

/// What an admitted run holds. It must be released once.
#[derive(Debug)]
#[must_use = "what it holds must be released"]
pub(super) struct Hold {
    pub(super) ticket: Ticket,
    caller: Caller,
    demand: Demand,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    totals: Demand,
    held: Demand,
    admitted: usize,
    waiting: usize,
    /// Callers with runs that wait or hold something.
    callers: HashMap<Caller, Lane>,
    /// Callers with waiting runs, the next first.
    ranks: BTreeSet<Rank>,
    /// The first waiting run of each caller, by the number of runs that had been admitted when it became that.
    heads: BTreeSet<(u64, Ticket, Caller)>,
    /// How much the caller whose turn was last had been served.
    served: u64,
    /// Runs that were ever admitted.
    count: u64,
    next: u64,
}

/// The runs of a caller.
#[derive(Debug, Default)]
struct Lane {
    waiting: BTreeMap<Ticket, Demand>,
    /// The shares that its admitted runs hold, and how many they are.
    held: u64,
    admitted: usize,
    /// The shares that it was given so far, counted from those that others had been given when it first waited.
    served: u64,
    /// When its first waiting run became that.
    since: u64,
}

/// A caller's place among others: less is earlier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    held: u64,
    served: u64,
    first: Ticket,
    caller: Caller,
}

impl Queue {
    pub(super) fn new(totals: Demand) -> Self {
        Self {
            totals,
            held: Demand::default(),
            admitted: 0,
            waiting: 0,
            callers: HashMap::new(),
            ranks: BTreeSet::new(),
            heads: BTreeSet::new(),
            served: 0,
            count: 0,
            next: 0,
        }
    }

    pub(super) fn totals(&self) -> Demand {
        self.totals
    }

    /// What admitted runs hold.
    pub(super) fn held(&self) -> Demand {
        self.held
    }

    /// How many runs are admitted.
    pub(super) fn admitted(&self) -> usize {
        self.admitted
    }

    /// How many runs wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// A run is asked for.
    pub(super) fn turn(&mut self) -> Turn {
        self.next += 1;
        Turn(self.next)
    }

    /// A run arrives. What is more than all there is counts as all there is, so that it is admitted alone.
    pub(super) fn arrive(&mut self, turn: Turn, caller: &Caller, demand: Demand) -> Ticket {
        self.next += 1;
        let ticket = Ticket { turn, number: self.next };
        self.waiting += 1;
        let (served, demand) = (self.served, demand.at_most(self.totals));
        self.change(caller, |lane| {
            if lane.waiting.is_empty() {
                lane.served = lane.served.max(served);
            }
            lane.waiting.insert(ticket, demand);
        });
        ticket
    }

    /// A run that waits leaves the queue. Nothing happens if it is not there.
    pub(super) fn leave(&mut self, caller: &Caller, ticket: Ticket) {
        let left = self.change(caller, |lane| lane.waiting.remove(&ticket).is_some());
        self.waiting -= usize::from(left);
    }

    /// An admitted run has ended.
    pub(super) fn release(&mut self, hold: &Hold) {
        self.held = self.held.minus(hold.demand);
        self.admitted -= 1;
        let share = hold.demand.share(self.totals);
        self.change(&hold.caller, |lane| {
            lane.held -= share;
            lane.admitted -= 1;
        });
    }

    /// The next run, if there is room for it. Call it until there is none, after each change.
    pub(super) fn admit(&mut self) -> Option<Hold> {
        let caller = self.next_caller()?;
        let totals = self.totals;
        self.count += 1;
        let (ticket, demand, before) = self.change(&caller, |lane| {
            let (ticket, demand) = lane.waiting.pop_first()?;
            let (before, share) = (lane.served, demand.share(totals));
            lane.served = lane.served.saturating_add(share);
            lane.held += share;
            lane.admitted += 1;
            Some((ticket, demand, before))
        })?;
        self.served = self.served.max(before);
        self.held = self.held.plus(demand);
        self.admitted += 1;
        self.waiting -= 1;
        Some(Hold { ticket, caller, demand })
    }

    fn next_caller(&self) -> Option<Caller> {
        let has_room = |caller: &&Caller| {
            let first = self.callers.get(*caller).and_then(|lane| lane.waiting.values().next());
            first.is_some_and(|demand| demand.fits(self.held, self.totals))
        };
        if let Some((since, _, caller)) = self.heads.first()
            && self.count - since >= PATIENCE
        {
            return Some(caller).filter(has_room).cloned();
        }
        self.ranks.iter().take(LOOK_MAX).map(|rank| &rank.caller).find(has_room).cloned()
    }

    /// The place of a waiting run: how many are served up to it if all take the same.
    pub(super) fn place(&self, caller: &Caller, ticket: Ticket) -> u64 {
        let own = self.callers.get(caller).map_or(0, |lane| {
            // It is one of the last, as a rule.
            lane.waiting.len() + 1 - lane.waiting.range(ticket..).count()
        });
        let others = self.ranks.iter().filter(|rank| rank.caller != *caller);
        let before = others.filter_map(|rank| self.callers.get(&rank.caller)).map(|lane| lane.waiting.len().min(own));
        (own + before.sum::<usize>()) as u64
    }

    /// The places of all waiting runs, from 1, if all take the same.
    pub(super) fn places(&self) -> Vec<(Ticket, u64)> {
        let lanes = self.ranks.iter().filter_map(|rank| self.callers.get(&rank.caller));
        let mut lanes: Vec<_> = lanes.map(|lane| lane.waiting.keys()).collect();
        let mut places = Vec::with_capacity(self.waiting);
        while !lanes.is_empty() {
            lanes.retain_mut(|lane| {
                let next = lane.next();
                let place = places.len() as u64 + 1;
                places.extend(next.map(|ticket| (*ticket, place)));
                next.is_some()
            });
        }
        places
    }

    /// Changes the runs of a caller, and its place among others.
    fn change<T>(&mut self, caller: &Caller, change: impl FnOnce(&mut Lane) -> T) -> T {
        let lane = self.callers.entry(Arc::clone(caller)).or_default();
        let before = lane.waiting.keys().next().copied();
        if let Some(first) = before {
            self.ranks.remove(&lane.rank(first, caller));
            self.heads.remove(&(lane.since, first, Arc::clone(caller)));
        }
        let done = change(lane);
        match lane.waiting.keys().next().copied() {
            Some(first) => {
                if before != Some(first) {
                    lane.since = self.count;
                }
                self.ranks.insert(lane.rank(first, caller));
                self.heads.insert((lane.since, first, Arc::clone(caller)));
            }
            None if lane.admitted == 0 => drop(self.callers.remove(caller)),
            None => {}
        }
        done
    }
}

impl Lane {
    fn rank(&self, first: Ticket, caller: &Caller) -> Rank {
        Rank { held: self.held, served: self.served, first, caller: Arc::clone(caller) }
    }
}

#[cfg(test)]
mod tests;
