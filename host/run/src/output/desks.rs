//! Desks: the few places where all workers of a run decode tables, so that the memory of decoded data is bounded
//! however many outputs are open. Each has a buffer for the copy of an arena, which stays warm.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Desks of a run: as many as it has arenas, since no more tables can be in transit.
const DESKS: usize = longshore_protocol::limits::ARENAS_MAX;

/// The desks of a run.
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

/// A desk, until it is dropped.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    /// Buffer for the copy of an arena.
    pub(super) copy: Vec<u8>,
    desks: &'a Desks,
}

impl Desks {
    pub(super) fn new() -> Self {
        let free = Free { copies: vec![Vec::new(); DESKS], closed: false };
        Self { free: Mutex::new(free), changed: Condvar::new() }
    }

    /// Waits for a desk; `None` once the desks are closed.
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

    /// Closes the desks: workers that wait or work stop.
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
