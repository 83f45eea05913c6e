//! Temporary files without names, in a folder that the caller names. The kernel removes them with their last
//! descriptor. Errors name the folder, because the file that a caller writes at that time is in another one.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes that are copied at a time: four times what a pipe holds.
const CHUNK: usize = 256 << 10;

/// A temporary file without a name.
#[derive(Debug)]
pub struct TemporaryFile {
    file: File,
    folder: PathBuf,
}

/// A temporary file cannot be created or written.
#[derive(Debug)]
struct Failed {
    folder: PathBuf,
    source: io::Error,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to the temporary folder `{}`: {}", self.folder.display(), self.source)
    }
}

// Its text has the cause, like that of an error of the system.
impl std::error::Error for Failed {}

/// An error of a temporary file in this folder, of the same kind.
#[must_use]
pub fn failure(folder: &Path, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), Failed { folder: folder.to_owned(), source })
}

impl TemporaryFile {
    /// A new file in this folder.
    ///
    /// # Errors
    /// The folder does not exist, is full, or cannot be written to.
    pub fn new_in(folder: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder).map_err(|source| {
            // The error of a folder that is missing has a name in it that nobody chose.
            failure(folder, std::fs::metadata(folder).err().unwrap_or(source))
        })?;
        Ok(Self { file, folder: folder.to_owned() })
    }

    /// A new file in this folder with all that a reader gives, at its start. An error of the reader is returned as it
    /// is.
    ///
    /// # Errors
    /// As [`TemporaryFile::new_in`], or the reader's error.
    pub fn filled(folder: &Path, reader: &mut impl Read) -> io::Result<File> {
        let mut writer = BufWriter::with_capacity(CHUNK, Self::new_in(folder)?);
        io::copy(reader, &mut writer)?;
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?.into_file();
        file.rewind()?;
        Ok(file)
    }

    /// A second descriptor of the same file, with the same offset.
    ///
    /// # Errors
    /// The process has no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, folder: self.folder.clone() })
    }

    /// The file. Its errors do not name the folder.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|source| failure(&self.folder, source))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|source| failure(&self.folder, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = TemporaryFile::new_in(folder.path()).unwrap();
        file.write_all(b"a table").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = TemporaryFile::filled(folder.path(), &mut &b"a table"[..]).unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "a table");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn errors_name_the_folder_and_those_of_readers_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = TemporaryFile::new_in(&missing).unwrap_err();
        let found = "No such file or directory (os error 2)";
        let expected = format!("cannot write to the temporary folder `{}`: {found}", missing.display());
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::NotFound, expected));
        // The kernel's device for this.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut full = TemporaryFile { file: full, folder: "/spool".into() };
        let error = full.try_clone().unwrap().write_all(b"a").unwrap_err();
        let expected = "cannot write to the temporary folder `/spool`: No space left on device (os error 28)";
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::StorageFull, expected));
        assert!(full.flush().is_ok());
        let error = TemporaryFile::filled(folder.path(), &mut File::open(folder.path()).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "Is a directory (os error 21)");
    }
}
