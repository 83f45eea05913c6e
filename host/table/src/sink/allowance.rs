//! The limit of bytes written to files: one sum for all tables of a run, of compressed bytes if files are compressed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A byte limit; clones share it.
#[derive(Debug, Clone)]
pub struct Allowance(Arc<Left>);

#[derive(Debug)]
struct Left {
    bytes: AtomicU64,
    exceeded: AtomicBool,
}

impl Allowance {
    /// A limit of `bytes` bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Left { bytes: AtomicU64::new(bytes), exceeded: AtomicBool::new(false) }))
    }

    /// Takes bytes from the limit before they are written. After a refusal [`Allowance::is_exceeded`] is true, since a
    /// library may have wrapped the error.
    pub fn spend(&self, bytes: u64) -> io::Result<()> {
        let spent = self.0.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes));
        spent.map(drop).map_err(|_| {
            self.0.exceeded.store(true, Ordering::Release);
            io::Error::other("the limit of output bytes is reached")
        })
    }

    /// Returns bytes that were not written, or that were removed.
    pub fn give_back(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Whether the limit was exceeded.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.0.exceeded.load(Ordering::Acquire)
    }
}
