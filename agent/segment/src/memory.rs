//! Shared memory files: written once, then sealed, so that they cannot be changed or make a reader fault. Mapping them
//! is the job of `mapping.rs`.

use crate::error::SegmentError;
use rustix::fs::{
    MemfdFlags, Mode, OFlags, SealFlags, fchmod, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create, open,
};
use rustix::io::{Errno, pread};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Bytes gathered before a system call: small buffers of wide tables share one, large ones pass by.
const GATHER_BYTES: usize = 128 << 10;

/// The seals of a segment: content and size are final, and so are the seals.
const SEGMENT_SEALS: SealFlags = SealFlags::WRITE.union(ARENA_SEALS);

/// The seals of an arena: its size is final, its content is not.
pub(crate) const ARENA_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// A segment being written, front to back.
#[derive(Debug)]
pub struct SegmentFile {
    file: BufWriter<File>,
    length: u64,
}

impl SegmentFile {
    /// An empty one.
    ///
    /// # Errors
    /// [`SegmentError::System`].
    pub fn create() -> Result<Self, SegmentError> {
        Ok(Self { file: BufWriter::with_capacity(GATHER_BYTES, create("longshore-segment")?.into()), length: 0 })
    }

    /// Bytes written so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The memory with all that was written so far.
    pub(crate) fn flushed(&mut self) -> Result<BorrowedFd<'_>, SegmentError> {
        self.file.flush().map_err(SegmentError::Write)?;
        Ok(self.file.get_ref().as_fd())
    }

    /// Counts bytes that were written to the memory directly, behind what was written before.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.length += bytes as u64;
    }

    /// Removes what follows the first `length` bytes. Maps of it must not be read any more.
    pub(crate) fn truncate(&mut self, length: u64) -> Result<(), SegmentError> {
        ftruncate(self.flushed()?, length).map_err(|errno| SegmentError::system("ftruncate", errno))?;
        self.file.get_mut().seek(SeekFrom::Start(length)).map_err(SegmentError::Write)?;
        self.length = length;
        Ok(())
    }

    /// Seals it, for reading only: the descriptor that is passed on cannot write, nor may others open one that can,
    /// or set attributes that the next reader sees.
    ///
    /// # Errors
    /// [`SegmentError::System`], [`SegmentError::Write`].
    pub fn seal(self) -> Result<Segment, SegmentError> {
        let file = self.file.into_inner().map_err(|error| SegmentError::Write(error.into_error()))?;
        fcntl_add_seals(&file, SEGMENT_SEALS).map_err(|errno| SegmentError::system("fcntl(F_ADD_SEALS)", errno))?;
        fchmod(&file, Mode::RUSR).map_err(|errno| SegmentError::system("fchmod", errno))?;
        Ok(Segment { descriptor: read_only(file, "/proc")?, length: self.length })
    }
}

/// A descriptor of the same memory that is open for reading alone. Only a process file system opens memory anew;
/// where none is mounted, as in a chroot, the seals alone hold.
fn read_only(file: File, processes: &str) -> Result<OwnedFd, SegmentError> {
    let path = format!("{processes}/self/fd/{}", file.as_raw_fd());
    match open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => Ok(file.into()),
        opened => opened.map_err(|errno| SegmentError::system("open", errno)),
    }
}

impl Write for SegmentFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Sealed shared memory: it can no longer be changed.
#[derive(Debug)]
pub struct Segment {
    descriptor: OwnedFd,
    length: u64,
}

impl Segment {
    /// A copy of what a reader has, which is an Arrow stream.
    ///
    /// # Errors
    /// [`SegmentError::System`], and [`SegmentError::Write`] where the reader fails or there is no memory.
    pub fn copy_of(mut reader: impl std::io::Read) -> Result<Self, SegmentError> {
        let mut file = SegmentFile::create()?;
        std::io::copy(&mut reader, &mut file).map_err(SegmentError::Write)?;
        file.seal()
    }

    /// Takes a descriptor from the other side, of which `length` bytes should be used.
    ///
    /// # Errors
    /// [`SegmentError::NotSealed`], [`SegmentError::TooShort`].
    pub fn receive(descriptor: OwnedFd, length: u64) -> Result<Self, SegmentError> {
        let seals = fcntl_get_seals(&descriptor)
            .map_err(|_| SegmentError::NotSealed { found: "it is not shared memory".into() })?;
        if !seals.contains(SEGMENT_SEALS) {
            return Err(SegmentError::NotSealed { found: format!("it has the seals {seals:?}") });
        }
        let segment = Self { length, descriptor };
        let actual = size(&segment)?;
        if actual < length {
            return Err(SegmentError::TooShort { actual, announced: length });
        }
        Ok(segment)
    }

    /// Bytes used, from the start.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// A second descriptor of the same memory, to pass on.
    ///
    /// # Errors
    /// [`SegmentError::System`].
    pub fn share(&self) -> Result<OwnedFd, SegmentError> {
        self.descriptor.try_clone().map_err(|source| SegmentError::System { call: "fcntl(F_DUPFD_CLOEXEC)", source })
    }

    /// The pieces of at most so many bytes in which it is copied out: of each the offset, the length, and whether it is
    /// the last. There is at least one.
    pub fn pieces(&self, most: usize) -> impl Iterator<Item = (u64, usize, bool)> + use<> {
        let whole = self.length;
        let starts =
            std::iter::successors(Some(0), move |start: &u64| Some(start + most as u64).filter(|next| *next < whole));
        starts.map(move |start| {
            let length = usize::try_from(whole - start).unwrap_or(most).min(most);
            (start, length, start + length as u64 == whole)
        })
    }

    /// Copies `length` bytes out, from `offset` on.
    ///
    /// # Errors
    /// [`SegmentError::TooShort`], [`SegmentError::System`].
    pub fn copy_out(&self, offset: u64, length: usize) -> Result<Vec<u8>, SegmentError> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < bytes.len() {
            match pread(&self.descriptor, &mut bytes[filled..], offset + filled as u64) {
                Ok(0) => return Err(SegmentError::TooShort { actual: self.length, announced: offset + length as u64 }),
                Ok(read) => filled += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(SegmentError::system("pread", errno)),
            }
        }
        Ok(bytes)
    }
}

impl AsFd for Segment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

pub(crate) fn create(name: &str) -> Result<OwnedFd, SegmentError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let created = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not support it.
        Err(Errno::INVAL) => memfd_create(name, flags),
        created => created,
    };
    let descriptor = created.map_err(|errno| SegmentError::system("memfd_create", errno))?;
    fchmod(&descriptor, Mode::RUSR | Mode::WUSR).map_err(|errno| SegmentError::system("fchmod", errno))?;
    Ok(descriptor)
}

pub(crate) fn create_sized(name: &str, length: u64, seals: SealFlags) -> Result<OwnedFd, SegmentError> {
    let descriptor = create(name)?;
    ftruncate(&descriptor, length).map_err(|errno| SegmentError::system("ftruncate", errno))?;
    fcntl_add_seals(&descriptor, seals).map_err(|errno| SegmentError::system("fcntl(F_ADD_SEALS)", errno))?;
    Ok(descriptor)
}

pub(crate) fn size(descriptor: impl AsFd) -> Result<u64, SegmentError> {
    let stat = fstat(descriptor).map_err(|errno| SegmentError::system("fstat", errno))?;
    Ok(u64::try_from(stat.st_size).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_one_another_to_the_end() {
        for length in 0..40_u64 {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let segment = Segment::copy_of(bytes.as_slice()).unwrap();
            for most in 1..12 {
                let pieces: Vec<_> = segment.pieces(most).collect();
                let copied = pieces.iter().flat_map(|(at, length, _)| segment.copy_out(*at, *length).unwrap());
                assert_eq!(copied.collect::<Vec<_>>(), bytes);
                let (last, others) = pieces.split_last().unwrap();
                assert!(last.2 && others.iter().all(|(_, length, last)| *length == most && !last), "{length} {most}");
            }
        }
    }

    #[test]
    fn bytes_of_a_segment_are_copied_from_anywhere_in_it() {
        let mut file = SegmentFile::create().unwrap();
        file.write_all(b"0123456789").unwrap();
        let segment = file.seal().unwrap();
        assert_eq!(segment.copy_out(0, 10).unwrap(), b"0123456789");
        assert_eq!(segment.copy_out(7, 3).unwrap(), b"789");
        assert_eq!(segment.copy_out(10, 0).unwrap(), b"");
        let beyond = segment.copy_out(7, 4).unwrap_err();
        assert!(matches!(beyond, SegmentError::TooShort { actual: 10, announced: 11 }), "{beyond:?}");
    }

    #[test]
    fn a_sealed_segment_cannot_change() {
        let mut file = SegmentFile::create().unwrap();
        file.write_all(b"final").unwrap();
        let segment = file.seal().unwrap();
        let descriptor = segment.share().unwrap();
        let mut again = File::from(descriptor.try_clone().unwrap());
        assert_eq!(again.write(b"x").unwrap_err().raw_os_error(), Some(Errno::BADF.raw_os_error()));
        assert!(again.set_len(0).is_err());
        assert_eq!(fstat(&again).unwrap().st_mode & 0o7777, 0o400);
        // The seals stop a process that the mode does not, such as the superuser's.
        let path = format!("/proc/self/fd/{}", again.as_raw_fd());
        if let Ok(mut writable) = File::options().write(true).open(path) {
            assert_eq!(writable.write(b"x").unwrap_err().raw_os_error(), Some(Errno::PERM.raw_os_error()));
        }
        assert_eq!(Segment::receive(descriptor, 5).unwrap().length(), 5);
    }

    #[test]
    fn memory_cannot_be_run() {
        let arena = create_sized("test", 4096, ARENA_SEALS).unwrap();
        let segment = SegmentFile::create().unwrap().seal().unwrap();
        for (descriptor, mode) in [(arena, 0o600), (segment.share().unwrap(), 0o400)] {
            assert_eq!(fstat(&descriptor).unwrap().st_mode & 0o7777, mode);
            // Linux before 6.3 has no such seal: only the mode applies there.
            if fcntl_get_seals(&descriptor).unwrap().contains(SealFlags::from_bits_retain(0x20)) {
                assert_eq!(fchmod(&descriptor, Mode::from_raw_mode(0o700)).unwrap_err(), Errno::PERM);
            }
        }
    }

    #[test]
    fn without_a_process_file_system_the_seals_hold() {
        let file = SegmentFile::create().unwrap().file.into_inner().unwrap();
        fcntl_add_seals(&file, SEGMENT_SEALS).unwrap();
        let mut writable = File::from(read_only(file, "/no/such/folder").unwrap());
        assert_eq!(writable.write(b"x").unwrap_err().raw_os_error(), Some(Errno::PERM.raw_os_error()));
    }

    #[test]
    fn what_is_not_sealed_is_refused() {
        let unsealed = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(
            Segment::receive(unsealed, 0).unwrap_err().to_string(),
            "the descriptor is not sealed shared memory: it has the seals SealFlags(0x0), but a segment has the seals \
             write, grow, shrink and seal"
        );
        let file = OwnedFd::from(File::open("/dev/null").unwrap());
        assert!(matches!(Segment::receive(file, 0), Err(SegmentError::NotSealed { .. })));
        let short = SegmentFile::create().unwrap().seal().unwrap();
        assert!(matches!(
            Segment::receive(short.share().unwrap(), 1),
            Err(SegmentError::TooShort { actual: 0, announced: 1 })
        ));
    }
}
