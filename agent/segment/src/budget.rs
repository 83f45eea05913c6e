//! A memory budget for data from the other side: memory is requested before it is allocated, and returned when its
//! owner is dropped. The owner of a budget sets its size; this file only counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// A memory budget, shared by all clones.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Purse>);

#[derive(Debug)]
struct Purse {
    limit: u64,
    taken: AtomicU64,
    /// The parent: memory taken here is taken there too.
    whole: Option<Budget>,
}

/// Memory taken from a budget, returned when this is dropped.
#[derive(Debug)]
pub struct Taken {
    budget: Budget,
    bytes: u64,
}

/// The budget is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{wanted} bytes of memory exceed the limit of {limit} at a time")]
pub struct OverBudget {
    /// Bytes requested.
    pub wanted: u64,
    /// The total in bytes.
    pub limit: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Purse { limit, taken: AtomicU64::new(0), whole: None }))
    }

    /// A part of this one that is never more than `limit`.
    #[must_use]
    pub fn part(&self, limit: u64) -> Self {
        let limit = limit.min(self.0.limit);
        Self(Arc::new(Purse { limit, taken: AtomicU64::new(0), whole: Some(self.clone()) }))
    }

    /// For data that this side wrote itself.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// The total in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Bytes left.
    #[must_use]
    pub fn left(&self) -> u64 {
        let own = self.0.limit.saturating_sub(self.0.taken.load(Ordering::Acquire));
        self.0.whole.as_ref().map_or(own, |whole| own.min(whole.left()))
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// [`OverBudget`]; nothing is taken then.
    pub fn take(&self, bytes: u64) -> Result<Taken, OverBudget> {
        self.count(bytes)?;
        Ok(Taken { budget: self.clone(), bytes })
    }

    fn count(&self, bytes: u64) -> Result<(), OverBudget> {
        let more = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.0.limit);
        if self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_err() {
            return Err(OverBudget { wanted: bytes, limit: self.0.limit });
        }
        let of_whole = self.0.whole.as_ref().map_or(Ok(()), |whole| whole.count(bytes));
        if of_whole.is_err() {
            self.0.taken.fetch_sub(bytes, Ordering::AcqRel);
        }
        of_whole
    }

    fn give_back(&self, bytes: u64) {
        self.0.taken.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(whole) = &self.0.whole {
            whole.give_back(bytes);
        }
    }
}

impl Taken {
    /// Bytes that are held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more, or gives some back, so that `bytes` are held.
    ///
    /// # Errors
    /// [`OverBudget`]; as much is held as before then.
    pub fn resize(&mut self, bytes: u64) -> Result<(), OverBudget> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.budget.count(more)?,
            None => self.budget.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_from_the_part_and_the_whole() {
        let whole = Budget::new(100);
        let (one, other) = (whole.part(80), whole.part(1000));
        let mut first = one.take(50).unwrap();
        assert_eq!(one.take(31).unwrap_err(), OverBudget { wanted: 31, limit: 80 });
        let second = other.take(50).unwrap();
        // The part has enough left, the whole does not.
        assert_eq!(first.resize(51).unwrap_err(), OverBudget { wanted: 1, limit: 100 });
        assert_eq!((first.bytes(), one.left(), whole.left()), (50, 0, 0));
        drop(second);
        first.resize(10).unwrap();
        assert_eq!((one.left(), other.left(), whole.left()), (70, 90, 90));
        drop(first);
        assert_eq!((one.left(), whole.left()), (80, 100));
        assert!(whole.take(u64::MAX).is_err());
    }
}
