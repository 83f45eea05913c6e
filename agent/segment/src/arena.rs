//! Arenas: shared memory that the host lends and the script fills, over and over. Warm memory is several times
//! faster to write than fresh, and the host never maps memory that a container made.
//!
//! The script can write into an arena at any time, so the host copies what it was given before it looks at it.
//! An arena belongs to one run and is gone with it: no page ever carries one run's data to another.

use crate::error::SegmentError;
use crate::mapping::Mapping;
use crate::memory::{ARENA_SEALS, SegmentFile, create_sized, size};
use longshore_protocol::limits::ARENA_BYTES;
use std::io::Write;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};

/// The host's side of an arena.
#[derive(Debug)]
pub struct LentArena {
    descriptor: OwnedFd,
    mapping: Mapping,
}

impl LentArena {
    /// Fresh memory of [`ARENA_BYTES`].
    ///
    /// # Errors
    /// [`SegmentError::System`].
    pub fn create() -> Result<Self, SegmentError> {
        let descriptor = create_sized("longshore-arena", ARENA_BYTES, ARENA_SEALS)?;
        let mapping = Mapping::shared(descriptor.as_fd(), ARENA_BYTES)?;
        Ok(Self { descriptor, mapping })
    }

    /// A descriptor to lend.
    ///
    /// # Errors
    /// [`SegmentError::System`].
    pub fn share(&self) -> Result<OwnedFd, SegmentError> {
        self.descriptor.try_clone().map_err(|source| SegmentError::System { call: "fcntl(F_DUPFD_CLOEXEC)", source })
    }

    /// Copies what the script wrote into `target`, whose memory is used again from one copy to the next.
    ///
    /// # Errors
    /// [`SegmentError::TooShort`] for more than the arena holds.
    pub fn copy_out(&self, length: u64, target: &mut Vec<u8>) -> Result<(), SegmentError> {
        match usize::try_from(length) {
            Ok(bytes) if bytes <= self.mapping.length() => {
                self.mapping.copy_out(bytes, target);
                Ok(())
            }
            _ => Err(SegmentError::TooShort { actual: ARENA_BYTES, announced: length }),
        }
    }

    /// Appends a part of what the script wrote to a segment, in one copy.
    pub(crate) fn copy_to(&self, range: Range<u64>, target: &mut SegmentFile) -> Result<(), SegmentError> {
        if range.end > ARENA_BYTES || range.start > range.end {
            return Err(SegmentError::TooShort { actual: ARENA_BYTES, announced: range.end });
        }
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let (mut next, end) = (place(range.start), place(range.end));
        while next < end {
            let written = self.mapping.write_out(next..end, target.flushed()?).map_err(SegmentError::Write)?;
            target.count(written);
            next += written;
        }
        Ok(())
    }
}

/// The script's side of an arena.
#[derive(Debug)]
pub struct Arena {
    mapping: Mapping,
}

impl Arena {
    /// Takes an arena that the host lends.
    ///
    /// # Errors
    /// [`SegmentError::TooShort`], [`SegmentError::System`].
    pub fn receive(descriptor: &OwnedFd, length: u64) -> Result<Self, SegmentError> {
        let actual = size(descriptor)?;
        if actual < length {
            return Err(SegmentError::TooShort { actual, announced: length });
        }
        Ok(Self { mapping: Mapping::shared(descriptor.as_fd(), length)? })
    }

    /// Starts to fill the arena, from its start.
    #[must_use]
    pub fn writer(self) -> ArenaWriter {
        ArenaWriter { arena: self, filled: 0 }
    }
}

/// An arena being filled. Writing to it takes what fits.
#[derive(Debug)]
pub struct ArenaWriter {
    arena: Arena,
    filled: usize,
}

impl ArenaWriter {
    /// Bytes in it.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.filled as u64
    }

    /// Bytes that still fit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.arena.mapping.length() - self.filled
    }

    /// Stops filling it.
    #[must_use]
    pub fn into_arena(self) -> Arena {
        self.arena
    }
}

impl Write for ArenaWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(self.room())];
        self.arena.mapping.copy_in(self.filled, bytes);
        self.filled += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_writes_the_host_copies() {
        let lent = LentArena::create().unwrap();
        let mut writer = Arena::receive(&lent.share().unwrap(), ARENA_BYTES).unwrap().writer();
        writer.write_all(b"hello").unwrap();
        assert_eq!(writer.filled(), 5);
        let mut target = Vec::new();
        lent.copy_out(5, &mut target).unwrap();
        assert_eq!(target, b"hello");
        assert!(matches!(
            lent.copy_out(ARENA_BYTES + 1, &mut target),
            Err(SegmentError::TooShort { actual: ARENA_BYTES, announced }) if announced == ARENA_BYTES + 1
        ));
    }

    #[test]
    fn a_full_arena_takes_nothing_and_cannot_be_shrunk() {
        let lent = LentArena::create().unwrap();
        let descriptor = lent.share().unwrap();
        let mut writer = Arena::receive(&descriptor, 4096).unwrap().writer();
        assert_eq!(writer.write(&[1; 5000]).unwrap(), 4096);
        assert_eq!(writer.write(&[1]).unwrap(), 0);
        assert!(std::fs::File::from(descriptor).set_len(0).is_err());
    }
}
