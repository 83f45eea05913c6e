//! A layer of an image: checked once, byte by byte, and read again to be written elsewhere.

use super::compression::Compression;
use super::contents::{Contents, Part};
use super::entry_name::{follow, shown};
use super::fault::{ArchiveFault, TarFault};
use super::limits::{BYTES_MAX, Bounded, FILES_MAX, unpacked_max};
use super::tar_walk::{End, Entry, Stream, TarWalk, is_device, kind_name};
use longshore_model::digest::{Digest, Digesting, Verified};
use std::io::{self, Read};

/// A checked layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    part: Part,
    compression: Compression,
    /// The digest of the unpacked layer.
    pub(super) diff_id: Digest,
    /// The size of the unpacked layer.
    pub(super) size: u64,
}

/// The rest of the limits for an image's layers.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) bytes: u64,
    pub(super) files: u64,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self { bytes: BYTES_MAX, files: FILES_MAX }
    }
}

impl Layer {
    /// Checks that a part unpacks to the given digest, and that none of its entries leaves its folder.
    pub(super) fn check(
        contents: &Contents,
        part: Part,
        diff_id: Digest,
        allowance: &mut Allowance,
    ) -> Result<Self, ArchiveFault> {
        let wrong = |source| ArchiveFault::Layer { part: part.name.clone(), source };
        let mut start = Vec::new();
        contents.open(&part).take(4).read_to_end(&mut start).map_err(ArchiveFault::Read)?;
        let compression = Compression::of_start(&start);
        let unpacked = compression.reader(contents.open(&part)).map_err(|error| wrong(TarFault::Read(error)))?;
        let bounded = Bounded::new(unpacked, allowance.bytes.min(unpacked_max(part.size)));
        let mut walk = TarWalk::new(Stream(Digesting::new(bounded)), End::Any, allowance.files);
        while let Some(entry) = walk.next().map_err(wrong)? {
            harmless(&entry).map_err(wrong)?;
        }
        allowance.files -= walk.entries();
        let Stream(mut digesting) = walk.into_source();
        io::copy(&mut digesting, &mut io::sink()).map_err(|error| wrong(TarFault::Read(error)))?;
        let (found, size) = digesting.finish();
        if found != diff_id {
            let (expected, found) = (diff_id.to_string(), found.to_string());
            return Err(ArchiveFault::Digest { part: part.name, expected, found });
        }
        allowance.bytes -= size;
        Ok(Self { part, compression, diff_id, size })
    }

    /// Reads it again, unpacked. A change since the check is an error.
    pub(super) fn open<'a>(&self, contents: &'a Contents) -> io::Result<Verified<Box<dyn Read + 'a>>> {
        let unpacked = self.compression.reader(contents.open(&self.part))?;
        Ok(Verified::new(unpacked, self.diff_id, self.size))
    }
}

/// Whether an entry is safe. Devices are left to the container's rules: images of Debian contain them. Symbolic links
/// may lead anywhere: they are followed in a container, which cannot leave its root.
fn harmless(entry: &Entry) -> Result<(), TarFault> {
    let kind = entry.kind;
    if kind.is_hard_link() {
        follow(b"", &entry.link)
            .map_err(|_| TarFault::LinkEscapes { name: shown(&entry.name), target: shown(&entry.link) })?;
    } else if !(kind.is_file() || kind.is_dir() || kind.is_symlink() || is_device(kind)) {
        return Err(TarFault::Kind { name: shown(&entry.name), kind: kind_name(kind) });
    }
    Ok(())
}
