//! The host's memory budget for runs: one total for the process, shared by the inputs, outputs and partitions of all
//! runs, and a part of it for what a run decodes of its container's data. The counting is in the segment crate.

use longshore_os::available::available_memory;
use longshore_segment::Budget;
use std::sync::OnceLock;

/// Of the memory that is available when the first run asks, the part that all may take together: two thirds, so that a
/// whole input may be a third of it, whose batches and segment exist side by side for a moment, while its script works
/// on a table of its own.
const SHARE: (u64, u64) = (2, 3);

/// What a run may hold at a time of what its container sent: 4 tables in work at 64 MiB each, and as much again for
/// rows and categories that come in pieces.
const RUN_MAX: u64 = 512 << 20;

/// The least of it, whatever the container's memory: a table in work takes 64 MiB.
const RUN_MIN: u64 = 128 << 20;

/// What all runs of this process take from. Memory is the process's, so its sum is one for it, whoever runs what; the
/// machine is asked once, since what runs take themselves must not change it.
pub fn host() -> &'static Budget {
    static HOST: OnceLock<Budget> = OnceLock::new();
    HOST.get_or_init(|| Budget::new(available_memory() / SHARE.1 * SHARE.0))
}

/// What one run may make of the data of its container, which has `memory` bytes.
pub fn of_run(memory: u64) -> Budget {
    host().part(memory.clamp(RUN_MIN, RUN_MAX))
}

/// Of the memory that is available when the first file asks, the part that pieces of files may take together of which a
/// file says itself how long they are: half, since a piece and what is made of it exist side by side.
const PIECES_SHARE: u64 = 2;

/// What pieces of files are taken from: a batch, a page, a footer.
pub fn pieces() -> &'static Budget {
    static PIECES: OnceLock<Budget> = OnceLock::new();
    PIECES.get_or_init(|| Budget::new(available_memory() / PIECES_SHARE))
}
