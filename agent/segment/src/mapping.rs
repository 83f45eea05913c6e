//! Memory maps of segments and arenas. The only unsafe file of this crate besides the decoder's trust: a map is
//! raw memory with a length, valid until dropped, and nothing can shrink the file under it because its size is
//! sealed before it is mapped.
//!
//! A segment is mapped privately and writably: its reader may write, which costs the pages it touches and changes
//! nothing for anybody else. An arena is mapped shared.
#![allow(unsafe_code, reason = "mapping memory is what this file is for")]

use crate::error::SegmentError;
use crate::memory::Segment;
use arrow_buffer::Buffer;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;

/// Where a map of a part of a file may begin: a multiple of every page size.
const BOUNDARY: u64 = 64 << 10;

/// Returns freed memory to the system, if the allocator keeps it: large tables leave much of it.
pub fn return_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it looks at nothing but the allocator's own books, and may be called at any time on any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A memory map that ends when it is dropped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the map belongs to this value alone and is plain memory, valid on every thread.
unsafe impl Send for Mapping {}
// SAFETY: shared access is read-only through `Buffer`, or raw and the caller's to order.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a sealed segment privately and writably.
    ///
    /// # Errors
    /// [`SegmentError::System`].
    pub fn private(segment: &Segment) -> Result<Self, SegmentError> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        map(rustix::fd::AsFd::as_fd(segment), segment.length(), flags)
    }

    /// Maps memory of a sealed size to share what is written.
    pub(crate) fn shared(descriptor: BorrowedFd<'_>, length: u64) -> Result<Self, SegmentError> {
        map(descriptor, length, MapFlags::SHARED)
    }

    /// A part of memory of this process that is still being written, for reading: what follows the part may still be
    /// written, the part itself not. Private, so that the memory can be sealed while it is mapped.
    pub(crate) fn of_part(descriptor: BorrowedFd<'_>, part: Range<u64>) -> Result<Buffer, SegmentError> {
        let from = part.start - part.start % BOUNDARY;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let whole = map_at(descriptor, from, part.end - from, ProtFlags::READ, flags)?.into_buffer();
        // Less than the length of the map, which is a `usize`.
        let skipped = usize::try_from(part.start - from).unwrap_or(whole.len());
        Ok(whole.slice_with_length(skipped, whole.len() - skipped))
    }

    /// Bytes mapped.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The whole map as an Arrow buffer, without copying; the map lives as long as anything points into it.
    #[must_use]
    pub fn into_buffer(self) -> Buffer {
        let (start, length) = (self.start, self.length);
        // SAFETY: `start` is valid for `length` bytes until the mapping drops, and the buffer's owner keeps it.
        unsafe { Buffer::from_custom_allocation(start, length, Arc::new(self)) }
    }

    /// Copies `bytes` into the map at `offset`.
    ///
    /// # Panics
    /// If they do not fit.
    pub(crate) fn copy_in(&self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.length), "{} bytes at {offset} fit the map", bytes.len());
        // SAFETY: the range was just checked; the source is a Rust slice, which cannot overlap a map of our own.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(offset), bytes.len()) }
    }

    /// Writes bytes of the map to a file, and returns how many. The other side may be writing to the map meanwhile: only
    /// the kernel reads it.
    pub(crate) fn write_out(&self, range: Range<usize>, target: BorrowedFd<'_>) -> std::io::Result<usize> {
        assert!(range.start <= range.end && range.end <= self.length, "the range lies in the map");
        loop {
            // SAFETY: the range was just checked, and the kernel writes nothing there.
            let written = unsafe {
                libc::write(target.as_raw_fd(), self.start.as_ptr().add(range.start).cast(), range.end - range.start)
            };
            match usize::try_from(written) {
                Ok(0) if !range.is_empty() => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(written) => return Ok(written),
                Err(_) => match std::io::Error::last_os_error() {
                    error if error.kind() == std::io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
    }

    /// Copies the first bytes of the map out into `target`, which then has exactly `length` of them. The other side
    /// may be writing meanwhile: what is copied is then arbitrary, but it does not change afterwards.
    ///
    /// # Panics
    /// If the map is shorter.
    pub(crate) fn copy_out(&self, length: usize, target: &mut Vec<u8>) {
        assert!(length <= self.length, "{length} bytes lie in the map");
        target.clear();
        target.reserve(length);
        // SAFETY: the range was just checked, `target` has room for it and is ours alone; every bit pattern is a
        // valid `u8`, regardless of its writer.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start.as_ptr(), target.as_mut_ptr(), length);
            target.set_len(length);
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: this is the map made in `map`, and dropping is the last use of it.
            let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
            debug_assert!(unmapped.is_ok(), "a map of our own can be unmapped");
        }
    }
}

fn map(descriptor: BorrowedFd<'_>, length: u64, flags: MapFlags) -> Result<Mapping, SegmentError> {
    map_at(descriptor, 0, length, ProtFlags::READ | ProtFlags::WRITE, flags)
}

fn map_at(
    descriptor: BorrowedFd<'_>,
    from: u64,
    length: u64,
    protection: ProtFlags,
    flags: MapFlags,
) -> Result<Mapping, SegmentError> {
    let length = usize::try_from(length).map_err(|_| SegmentError::system("mmap", rustix::io::Errno::NOMEM))?;
    if length == 0 {
        return Ok(Mapping { start: NonNull::dangling(), length });
    }
    // SAFETY: no address is asked for, so no existing map is replaced.
    let start = unsafe { mmap(std::ptr::null_mut(), length, protection, flags, descriptor, from) }
        .map_err(|errno| SegmentError::system("mmap", errno))?;
    let start = NonNull::new(start.cast()).ok_or(SegmentError::system("mmap", rustix::io::Errno::INVAL))?;
    Ok(Mapping { start, length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SegmentFile;
    use std::io::Write;

    #[test]
    fn writing_into_a_private_map_changes_no_other() {
        let mut file = SegmentFile::create().unwrap();
        file.write_all(&[1; 8192]).unwrap();
        let segment = file.seal().unwrap();
        let mine = Mapping::private(&segment).unwrap();
        mine.copy_in(100, &[9; 10]);
        let mut seen = Vec::new();
        mine.copy_out(110, &mut seen);
        assert_eq!(seen[99..], [1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        assert_eq!(Mapping::private(&segment).unwrap().into_buffer().as_slice(), &[1; 8192]);
    }

    #[test]
    fn an_empty_segment_maps_to_nothing() {
        let segment = SegmentFile::create().unwrap().seal().unwrap();
        assert_eq!(Mapping::private(&segment).unwrap().into_buffer().len(), 0);
    }
}
