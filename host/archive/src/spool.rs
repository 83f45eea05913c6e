//! Temporary files without names, which vanish with their process, for archives that arrive compressed, through a pipe
//! or from the engine. Their parts can then be read in any order.

use super::compression::Compression;
use super::fault::ArchiveFault;
use super::limits::{BYTES_MAX, Bounded, unpacked_max};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

/// Bytes at the start of an archive that tell its compression.
const START: usize = 4;

/// Bytes that are copied at a time.
const CHUNK: usize = 256 << 10;

/// Opens an archive for reading in any order: the file itself, or its unpacked copy in a file in `folder`.
pub fn open(path: &Path, folder: &Path) -> Result<File, ArchiveFault> {
    let file = File::open(path).map_err(ArchiveFault::Read)?;
    if file.metadata().map_err(ArchiveFault::Read)?.file_type().is_char_device() {
        // Some devices never end.
        return Err(ArchiveFault::Read(io::Error::new(io::ErrorKind::InvalidInput, "it is a device, not a file")));
    }
    of_file(file, folder)
}

/// As [`open`], of an open file or pipe. A pipe is read to its end.
pub fn of_file(file: File, folder: &Path) -> Result<File, ArchiveFault> {
    let facts = file.metadata().map_err(ArchiveFault::Read)?;
    if !facts.is_file() {
        // A pipe has no size to compare with.
        return of_reader(file, folder);
    }
    let mut start = [0; START];
    let read = file.read_at(&mut start, 0).map_err(ArchiveFault::Read)?;
    match Compression::of_start(&start[..read]) {
        Compression::None if facts.len() > BYTES_MAX => {
            Err(ArchiveFault::TooLarge { size: facts.len(), max: BYTES_MAX })
        }
        Compression::None => Ok(file),
        compression => {
            let unpacked = compression.reader(file).map_err(ArchiveFault::Read)?;
            unpack(Bounded::new(unpacked, unpacked_max(facts.len())), folder)
        }
    }
}

/// As [`open`], of a reader, which is read to its end.
pub fn of_reader(mut reader: impl Read, folder: &Path) -> Result<File, ArchiveFault> {
    let mut start = Vec::with_capacity(START);
    reader.by_ref().take(START as u64).read_to_end(&mut start).map_err(ArchiveFault::Read)?;
    let compression = Compression::of_start(&start);
    let unpacked = compression.reader(start.as_slice().chain(reader)).map_err(ArchiveFault::Read)?;
    unpack(Bounded::new(unpacked, BYTES_MAX), folder)
}

fn unpack(mut from: impl Read, folder: &Path) -> Result<File, ArchiveFault> {
    let failed = |source| ArchiveFault::Unpack { folder: folder.display().to_string(), source };
    let mut file = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(file),
            Ok(read) => file.write_all(&chunk[..read]).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArchiveFault::Read(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn what_unpacks_without_end_is_given_up() {
        let packed = zstd::stream::encode_all(&[0; 3 << 20][..], 1).unwrap();
        let unpacked = Compression::of_start(&packed).reader(&packed[..]).unwrap();
        let error = unpack(Bounded::new(unpacked, 1 << 20), &std::env::temp_dir()).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "it unpacks to more than 1048576 bytes");
    }

    #[test]
    fn files_stay_where_they_are_and_readers_are_copied() {
        let (plain, folder) = (b"a tar archive".repeat(1000), tempfile::tempdir().unwrap());
        let gzip = {
            let mut packing = Compression::Gzip.writer(Vec::new()).unwrap();
            packing.write_all(&plain).unwrap();
            packing.finish().unwrap()
        };
        let text = |file: File| {
            let mut text = vec![0; plain.len()];
            file.read_exact_at(&mut text, 0).unwrap();
            assert_eq!(file.metadata().unwrap().len(), plain.len() as u64);
            text
        };
        for (packed, copied) in [(&plain, false), (&gzip, true)] {
            let path = folder.path().join("archive");
            std::fs::write(&path, packed).unwrap();
            let at = std::fs::metadata(&path).unwrap().ino();
            let opened = of_file(File::open(&path).unwrap(), folder.path()).unwrap();
            assert_eq!(opened.metadata().unwrap().ino() != at, copied);
            assert_eq!(text(opened), plain);
            assert_eq!(text(of_reader(packed.as_slice(), folder.path()).unwrap()), plain);
        }
        // Shorter than any compression's first bytes.
        assert_eq!(of_reader(&b"ab"[..], folder.path()).unwrap().metadata().unwrap().len(), 2);
        let missing = folder.path().join("missing");
        let error = of_reader(plain.as_slice(), &missing).unwrap_err();
        assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
    }

    #[test]
    fn what_cannot_be_opened_is_said() {
        let folder = std::env::temp_dir();
        for (path, reason) in [(folder.join("no-such-archive.tar"), "No such file"), (folder.clone(), "Is a directory")]
        {
            let error = open(&path, &folder).unwrap_err();
            assert!(error.source().unwrap().to_string().starts_with(reason), "{error:?}");
        }
    }
}
