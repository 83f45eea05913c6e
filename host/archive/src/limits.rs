//! What an archive may be at most. It comes from anywhere, and a few kilobytes can be made to unpack to anything.

use std::io::{self, Read};

/// Bytes of an archive, and of its layers, unpacked. The largest images of machine learning take some 20 GiB.
pub(super) const BYTES_MAX: u64 = 32 << 30;

/// Bytes that may come out of anything compressed, however small it is: what a disk surely has room for.
const BYTES_ALWAYS: u64 = 1 << 30;

/// How many times larger than it is anything compressed may become beyond that. Images shrink to a third; files of zeros
/// shrink a thousandfold, and no image consists of them.
const RATIO_MAX: u64 = 100;

/// Layers of an image: the engine's own limit, of overlay file systems.
pub(super) const LAYERS_MAX: usize = 127;

/// Entries of an archive: `docker save` writes four for each layer, and four more; the rest is for other tools.
pub(super) const PARTS_MAX: usize = 1024;

/// Entries of all layers. A whole Anaconda has 400,000 files.
pub(super) const FILES_MAX: u64 = 4_000_000;

/// Bytes of a manifest or an index: 127 layers with 300 bytes each are 38 KiB.
pub(super) const MANIFEST_MAX: u64 = 1 << 20;

/// Bytes of an image's configuration. Labels may hold lists of packages.
pub(super) const CONFIG_MAX: u64 = 4 << 20;

/// Bytes of one name in a tar archive: Linux' own limit of a path.
pub(super) const NAME_MAX: u64 = 4096;

/// Bytes of an extended header in a tar archive, which holds names and attributes: Go's limit, which the engine has.
pub(super) const PAX_MAX: u64 = 1 << 20;

/// What may come out of something compressed of a size, unpacked.
pub(super) fn unpacked_max(packed: u64) -> u64 {
    packed.saturating_mul(RATIO_MAX).clamp(BYTES_ALWAYS, BYTES_MAX)
}

/// Lets so many bytes through, and fails on the next.
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
