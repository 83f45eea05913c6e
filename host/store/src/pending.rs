//! The part of a log that is not written yet. Of a whole log only its beginning and its end are kept, so that what lies
//! between them need not be written at all; and a disk that is slower than the script holds nobody up: memory is bounded,
//! and what does not fit is left out.

use std::collections::VecDeque;

/// Bytes at which a part is written at once: ten milliseconds of a script that prints 100 MB/s.
const LARGE: usize = 1 << 20;

/// Most bytes of beginning or end that wait: enough for a disk that hesitates for 40 ms at that rate.
const WAITING_MAX: usize = 4 << 20;

/// What waits of a log.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The first and the last so many bytes of the log are kept.
    half: u64,
    /// The bytes of the log so far.
    taken: u64,
    /// Of its beginning, up to the position `head_end`.
    head: Vec<u8>,
    head_end: u64,
    /// Of its end, up to the position `taken`.
    tail: VecDeque<u8>,
}

/// A piece of a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The position of its first byte.
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Pending {
    pub(crate) fn new(half: u64) -> Self {
        Self { half, taken: 0, head: Vec::new(), head_end: 0, tail: VecDeque::new() }
    }

    /// The bytes of the log so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = match self.half.checked_sub(self.taken) {
            Some(room) if self.tail.is_empty() => as_length(room).min(WAITING_MAX.saturating_sub(self.head.len())),
            _ => 0,
        };
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        if !head.is_empty() {
            self.head.extend_from_slice(head);
            self.head_end = self.taken + head.len() as u64;
        }
        let most = self.tail_max();
        // Bytes beyond the limit on their own need not go through the queue.
        let rest = &rest[rest.len().saturating_sub(most)..];
        let beyond = (self.tail.len() + rest.len()).saturating_sub(most);
        self.tail.drain(..beyond.min(self.tail.len()));
        self.tail.extend(rest);
        self.taken += bytes.len() as u64;
    }

    /// Whether it should be written before its time. A short end is not: what follows replaces it.
    pub(crate) fn is_large(&self) -> bool {
        self.head.len() >= LARGE || (self.tail.len() >= LARGE && self.tail_max() == WAITING_MAX)
    }

    /// What waits, in order.
    pub(crate) fn take(&mut self) -> Vec<Part> {
        let (head, tail) = (std::mem::take(&mut self.head), Vec::from(std::mem::take(&mut self.tail)));
        let parts = [(self.head_end, head), (self.taken, tail)];
        let parts = parts.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        parts.map(|(end, bytes)| Part { start: end - bytes.len() as u64, bytes }).collect()
    }

    fn tail_max(&self) -> usize {
        as_length(self.half).min(WAITING_MAX)
    }
}

fn as_length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
