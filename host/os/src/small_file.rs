//! Small files that are read completely: manifests, settings, locks, cases, records. A pipe, a device or a file over
//! the limit is an error at once: nothing waits, and memory is bounded. The crate `table` reads tables; a block's other
//! files are streamed.

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use std::fs::{File, FileType};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The most bytes of a file written by hand: a long manifest has 20 KiB, this is fifty times that.
pub const WRITTEN_MAX: u64 = 1 << 20;

/// The most bytes of a file written by a program: the record of a run in 10,000 parts has about 10 MiB.
pub const MADE_MAX: u64 = 64 << 20;

/// Opens a regular file. Does not wait for a pipe's writer.
///
/// # Errors
/// It cannot be opened, or is not a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    regular(File::from(open(path, flags, Mode::empty())?))
}

/// Checks that a file opened without waiting is a regular file.
pub fn regular(file: File) -> io::Result<File> {
    match kind(file.metadata()?.file_type()) {
        None => {}
        Some("a folder") => return Err(ErrorKind::IsADirectory.into()),
        Some(kind) => return Err(io::Error::new(ErrorKind::InvalidInput, format!("it is {kind}, not a file"))),
    }
    // Some file systems obey the flag.
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// The type of something that is not a file.
fn kind(file_type: FileType) -> Option<&'static str> {
    if file_type.is_file() {
        return None;
    }
    Some(match file_type {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    })
}

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// As [`open_regular`], or it is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let limit = if most < 1 << 20 { format!("{most} bytes") } else { format!("{} MiB", most >> 20) };
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is longer than {limit}")));
    }
    Ok(bytes)
}

/// Reads a text of at most `most` bytes.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, format!("it is not UTF-8: {}", error.utf8_error())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "grün").unwrap();
        assert_eq!(read_text(&path, 5).unwrap(), "grün");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "it is longer than 4 bytes");
        // Longer than any memory.
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        let error = read(&path, WRITTEN_MAX).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
        std::fs::write(&path, b"a\xff").unwrap();
        assert!(read_text(&path, 5).unwrap_err().to_string().starts_with("it is not UTF-8: "));
        assert_eq!(read(&folder.path().join("none"), 5).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_is_no_file_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("link")).unwrap();
        let error = |name: &str| read(&folder.path().join(name), 5).unwrap_err().to_string();
        assert_eq!(error("pipe"), "it is a pipe, not a file");
        assert_eq!(error("link"), "it is a device, not a file");
        assert_eq!(read(folder.path(), 5).unwrap_err().kind(), ErrorKind::IsADirectory);
    }
}
