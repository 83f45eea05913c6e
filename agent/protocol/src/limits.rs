//! Every bound of the wire, by name, with its arithmetic. A peer that exceeds one breaks the protocol; no memory is
//! allocated for a length before it was checked here.

/// Longest control message in bytes. The largest valid one is a Welcome with every option of a block: a thousand
/// options of a thousand bytes each.
pub const MESSAGE_MAX: usize = 1 << 20;

/// Longest inline payload in bytes. Larger data is split: copying 256 KiB takes a quarter of a millisecond, so a
/// control message never waits long behind data.
pub const INLINE_MAX: usize = 256 << 10;

/// Largest segment that one descriptor may carry, in bytes: 1 TiB, more than the memory of any supported machine, and
/// far below the overflow of 64-bit offsets.
pub const SEGMENT_MAX: u64 = 1 << 40;

/// Descriptors that may wait in a decoder for their frames. The sender passes one per frame with the frame's first
/// byte, so a correct sender never has more waiting than the frames of one read.
pub const DESCRIPTORS_MAX: usize = 16;

/// Unacknowledged bytes of a stream that may be in flight. One payload may always be in flight, however large: a
/// segment is memory that both sides share, so it is not held twice.
pub const STREAM_WINDOW: u64 = 64 << 20;

/// Streams that a script may have open at a time.
pub const STREAMS_MAX: usize = 64;

/// Bytes of one arena, the shared memory that the host lends a script to write its outputs into. 8 MiB stays
/// within a shared last-level cache, where copying runs at twice the speed of main memory.
pub const ARENA_BYTES: u64 = 8 << 20;

/// Arenas lent to one run: 4 of 8 MiB let the script fill one while the host empties others, 32 MiB in all.
pub const ARENAS_MAX: usize = 4;

/// Longest text of a message, a progress text or a final message, in bytes; the SDKs cut longer ones and mark the cut.
pub const TEXT_MAX: usize = 64 << 10;

/// Longest path of a block's file inside the working folder, in bytes (Linux's `PATH_MAX`).
pub const PATH_MAX: usize = 4096;

/// Steps of a chain: each may have a container at the same time, and 64 of the default limit of 4 GiB are more than the
/// memory of most machines.
pub const STEPS_MAX: usize = 64;
