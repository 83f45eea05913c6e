//! Files that are read whole, because people or this program wrote them and they are small: manifests, settings, locks,
//! cases, records. A pipe, a device or a file of any length in such a place is an error at once: nothing is waited for,
//! and no more than the limit is held. Tables are `table`'s, and a block's other files are passed on piece by piece.

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use std::fs::{File, FileType};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Bytes of a file that somebody wrote by hand, at most: a long manifest has 20 KiB, fifty times that is none.
pub const WRITTEN_MAX: u64 = 1 << 20;

/// Bytes of a file that a program wrote, at most: a record of a run in 10,000 parts has about 10 MiB.
pub const MADE_MAX: u64 = 64 << 20;

/// Opens a file, and nothing else: a pipe without a writer is not waited for.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    regular(File::from(open(path, flags, Mode::empty())?))
}

/// Passes a file on that was opened so that nothing was waited for, and nothing else.
pub fn regular(file: File) -> io::Result<File> {
    match kind(file.metadata()?.file_type()) {
        None => {}
        Some("a folder") => return Err(ErrorKind::IsADirectory.into()),
        Some(kind) => return Err(io::Error::new(ErrorKind::InvalidInput, format!("it is {kind}, not a file"))),
    }
    // Some file systems keep to it.
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// What something is that is no file.
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

/// Reads a file of at most so many bytes.
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

/// Reads a text of at most so many bytes.
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
        // All of it is longer than any memory.
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
