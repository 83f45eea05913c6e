//! Temporary files without names, which vanish with their process, for archives that arrive compressed, through a pipe
//! or from the engine. Their parts can then be read in any order.

use super::compression::Compression;
use super::fault::ArchiveFault;
use super::limits::{BYTES_MAX, Bounded, unpacked_max};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

/// Bytes that are copied at a time.
const CHUNK: usize = 256 << 10;

/// Opens an archive for reading in any order: the file itself, or its unpacked copy; `-` is standard input.
pub fn open(path: &Path, folder: &Path) -> Result<File, ArchiveFault> {
    let file = if path == Path::new("-") {
        io::stdin().as_fd().try_clone_to_owned().map(File::from)
    } else {
        File::open(path)
    };
    let mut file = file.map_err(ArchiveFault::Read)?;
    let facts = file.metadata().map_err(ArchiveFault::Read)?;
    let is_regular = facts.is_file();
    if facts.file_type().is_char_device() && path != Path::new("-") {
        // Some devices never end.
        return Err(ArchiveFault::Read(io::Error::new(io::ErrorKind::InvalidInput, "it is a device, not a file")));
    }
    let mut start = [0; 4];
    let read = if is_regular { file.read_at(&mut start, 0) } else { read_start(&mut file, &mut start) };
    let read = read.map_err(ArchiveFault::Read)?;
    let compression = Compression::of_start(&start[..read]);
    if is_regular && compression == Compression::None {
        return match facts.len() {
            size if size > BYTES_MAX => Err(ArchiveFault::TooLarge { size, max: BYTES_MAX }),
            _ => Ok(file),
        };
    }
    // A pipe has no size to compare with.
    let max = if is_regular { unpacked_max(facts.len()) } else { BYTES_MAX };
    let whole: Box<dyn Read> = if is_regular { Box::new(file) } else { Box::new(start[..read].chain(file)) };
    let unpacked = compression.reader(whole).map_err(ArchiveFault::Read)?;
    unpack(Bounded::new(unpacked, max), folder)
}

fn read_start(file: &mut File, start: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < start.len() {
        match file.read(&mut start[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
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

    #[test]
    fn what_unpacks_without_end_is_given_up() {
        let packed = zstd::stream::encode_all(&[0; 3 << 20][..], 1).unwrap();
        let unpacked = Compression::of_start(&packed).reader(&packed[..]).unwrap();
        let error = unpack(Bounded::new(unpacked, 1 << 20), &std::env::temp_dir()).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "it unpacks to more than 1048576 bytes");
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
