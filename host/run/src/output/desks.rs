//! Where workers take tables apart: few places for all workers of a run, so that what is made of their data at a time is
//! bounded however many outputs are open. Each has a buffer to copy an arena to, which stays warm.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Places of a run: as many as it has arenas, since no more tables can be on their way in them.
const DESKS: usize = longshore_protocol::limits::ARENAS_MAX;

/// The places of a run.
#[derive(Debug)]
pub(super) struct Desks {
    free: Mutex<Free>,
    changed: Condvar,
}

#[derive(Debug)]
struct Free {
    copies: Vec<Vec<u8>>,
    closed: bool,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    /// Room for what an arena holds.
    pub(super) copy: Vec<u8>,
    desks: &'a Desks,
}

impl Desks {
    pub(super) fn new() -> Self {
        let free = Free { copies: vec![Vec::new(); DESKS], closed: false };
        Self { free: Mutex::new(free), changed: Condvar::new() }
    }

    /// Waits for a place; `None` once nothing is wanted any more.
    pub(super) fn take(&self) -> Option<Desk<'_>> {
        let mut free = self.free();
        loop {
            if free.closed {
                return None;
            }
            if let Some(copy) = free.copies.pop() {
                return Some(Desk { copy, desks: self });
            }
            free = self.changed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing is wanted any more: who waits, or works on, may stop.
    pub(super) fn close(&self) {
        self.free().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.free().closed
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        self.desks.free().copies.push(std::mem::take(&mut self.copy));
        self.desks.changed.notify_one();
    }
}
