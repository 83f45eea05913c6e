//! The host's memory budget for runs: one total for the process, shared by the inputs, outputs and partitions of all
//! runs, and a part of it for what a run decodes of its container's data. The counting is in the segment crate.

use longshore_os::available::available_memory;
use longshore_segment::Budget;
use std::sync::OnceLock;

/// The part of the memory available at the first run that all runs may take together: two thirds. One input may then be
/// a third of the memory, because its batches and its segment exist at the same time for a moment; the rest is left for
/// the script's own table.
const SHARE: (u64, u64) = (2, 3);

/// The most data from its container that a run may hold at a time: 4 tables in progress at 64 MiB each, and as much
/// again for rows and categories that arrive in pieces.
const RUN_MAX: u64 = 512 << 20;

/// The minimum of it, whatever the container's memory: a table in progress takes 64 MiB.
const RUN_MIN: u64 = 128 << 20;

/// The budget of all runs of this process. The available memory is read once, because the memory that runs take
/// themselves must not change the budget.
pub fn host() -> &'static Budget {
    static HOST: OnceLock<Budget> = OnceLock::new();
    HOST.get_or_init(|| Budget::new(available_memory() / SHARE.1 * SHARE.0))
}

/// The memory that runs of this process take of [`host`] now, in bytes.
pub fn in_use() -> u64 {
    host().limit().saturating_sub(host().left())
}

/// The budget of one run for data from its container, which has `memory` bytes.
pub fn of_run(memory: u64) -> Budget {
    host().part(memory.clamp(RUN_MIN, RUN_MAX))
}

/// Divisor of the memory available at the first file, for all pieces whose length is declared in their files: half,
/// because a piece and the data made from it exist at the same time.
const PIECES_SHARE: u64 = 2;

/// The budget for pieces of files: a batch, a page, a footer.
pub fn pieces() -> &'static Budget {
    static PIECES: OnceLock<Budget> = OnceLock::new();
    PIECES.get_or_init(|| Budget::new(available_memory() / PIECES_SHARE))
}
