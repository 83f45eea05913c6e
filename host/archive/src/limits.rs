//! Limits of archives. Archives are untrusted, and a few kilobytes can unpack to any size.

use std::io::{self, Read};

/// Bytes of an archive, and of its unpacked layers. The largest images for machine learning have about 20 GiB.
pub(super) const BYTES_MAX: u64 = 32 << 30;

/// Bytes that any compressed data may unpack to, however small it is: a size that every disk has room for.
const BYTES_ALWAYS: u64 = 1 << 30;

/// The greatest ratio of unpacked to compressed bytes beyond that. Images shrink to a third; files of zeros shrink a
/// thousandfold, but no image consists of them.
const RATIO_MAX: u64 = 100;

/// Layers of an image: the engine's own limit, of overlay file systems.
pub(super) const LAYERS_MAX: usize = 127;

/// Entries of an archive: `docker save` writes four for each layer, and four more; the rest allows for other tools.
pub(super) const PARTS_MAX: usize = 1024;

/// Entries of all layers. A whole Anaconda has 400,000 files.
pub(super) const FILES_MAX: u64 = 4_000_000;

/// Bytes of a manifest or an index: 127 layers with 300 bytes each are 38 KiB.
pub(super) const MANIFEST_MAX: u64 = 1 << 20;

/// Bytes of an image's configuration. Its labels may contain lists of packages.
pub(super) const CONFIG_MAX: u64 = 4 << 20;

/// Bytes of one name in a tar archive: Linux's own limit of a path.
pub(super) const NAME_MAX: u64 = 4096;

/// Bytes of an extended header in a tar archive, with names and attributes: Go's limit, which the engine has.
pub(super) const PAX_MAX: u64 = 1 << 20;

/// The most bytes that compressed data of a size may unpack to.
pub(super) fn unpacked_max(packed: u64) -> u64 {
    packed.saturating_mul(RATIO_MAX).clamp(BYTES_ALWAYS, BYTES_MAX)
}

/// Lets a number of bytes through, and fails on the next.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    max: u64,
    left: u64,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, max: u64) -> Self {
        Self { inner, max, left: max }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, format!("it unpacks to more than {} bytes", self.max))
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_may_not_become_anything() {
        assert_eq!(unpacked_max(1000), BYTES_ALWAYS);
        assert_eq!(unpacked_max(100 << 20), 100 * (100 << 20));
        assert_eq!(unpacked_max(u64::MAX), BYTES_MAX);
        let mut bytes = Vec::new();
        assert_eq!(Bounded::new(&[0; 9][..], 9).read_to_end(&mut bytes).unwrap(), 9);
        let error = Bounded::new(io::repeat(0), 9).read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.to_string(), "it unpacks to more than 9 bytes");
    }
}
