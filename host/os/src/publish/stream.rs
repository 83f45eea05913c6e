//! Writes to pipes and devices. Every wait for a reader has a limit or can be cancelled, and a pipe without a reader is
//! an error.

use super::destination::Special;
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::shown::LogFilter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::pipe::PIPE_BUF;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::time::{Duration, Instant};

/// How long a named pipe may have no reader, or a reader that does not read.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often cancelling is checked.
const TICK: Duration = Duration::from_millis(100);

/// Bytes per read.
const PIECE: usize = 64 << 10;

/// A target to write to.
#[derive(Debug)]
pub struct Stream {
    file: File,
    /// How long the reader may pause; without limit where a user may have stopped it.
    patience: Option<Duration>,
}

/// Why the data was not written completely.
#[derive(Debug)]
pub enum Broken {
    /// It was cancelled.
    Cancelled,
    /// The reader closed it.
    ReaderGone,
    /// It cannot be written.
    Failed(io::Error),
}

impl Stream {
    /// Opens a pipe, which must have a reader soon, a device, or a process's open file, to which data is appended.
    pub fn open(special: &Special, cancel: &Cancel) -> Result<Self, Broken> {
        Self::open_within(special, cancel, PATIENCE)
    }

    fn open_within(special: &Special, cancel: &Cancel, patience: Duration) -> Result<Self, Broken> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let since = Instant::now();
        loop {
            match open(special.path(), flags, Mode::empty()) {
                Ok(file) => {
                    let found = fstat(&file).map_err(|errno| Broken::Failed(errno.into()))?;
                    let is_pipe = FileType::from_raw_mode(found.st_mode) == FileType::Fifo;
                    return Ok(Self { file: file.into(), patience: is_pipe.then_some(patience) });
                }
                // A pipe without a reader.
                Err(Errno::NXIO) if since.elapsed() < patience => wait(cancel)?,
                Err(Errno::NXIO) => return Err(nobody("the pipe has no reader: start one before the run ends")),
                Err(errno) => return Err(Broken::Failed(errno.into())),
            }
        }
    }

    /// Wraps an open file. Its reader may pause without limit.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self { file: file.try_clone()?, patience: None })
    }
}

/// Copies a whole file there. Blocks.
pub fn copy_out(from: &mut File, to: &Stream, cancel: &Cancel) -> Result<(), Broken> {
    from.rewind().map_err(Broken::Failed)?;
    let mut piece = vec![0; PIECE];
    // Cells are untrusted text, which must be filtered for a terminal.
    let mut terminal = to.file.is_terminal().then(LogFilter::default);
    loop {
        let length = from.read(&mut piece).map_err(Broken::Failed)?;
        if length == 0 {
            return Ok(());
        }
        let shown = terminal.as_mut().map(|filter| filter.pass(&piece[..length]));
        let mut rest = shown.as_deref().unwrap_or(&piece[..length]);
        while !rest.is_empty() {
            to.wait_for_room(cancel)?;
            // A pipe with room accepts this much without waiting, even if others write to it.
            match (&to.file).write(&rest[..rest.len().min(PIPE_BUF)]) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(Broken::ReaderGone),
                Err(error) => return Err(Broken::Failed(error)),
            }
        }
    }
}

impl Stream {
    fn wait_for_room(&self, cancel: &Cancel) -> Result<(), Broken> {
        let since = Instant::now();
        loop {
            let mut watched = [PollFd::new(&self.file, PollFlags::OUT)];
            let tick = Timespec::try_from(TICK).expect("a tenth of a second fits");
            match poll(&mut watched, Some(&tick)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(Broken::Failed(errno.into())),
            }
            heard(cancel)?;
            if self.patience.is_some_and(|patience| since.elapsed() >= patience) {
                return Err(nobody("the reader of the pipe does not read"));
            }
        }
    }
}

fn wait(cancel: &Cancel) -> Result<(), Broken> {
    heard(cancel)?;
    std::thread::sleep(TICK);
    Ok(())
}

fn heard(cancel: &Cancel) -> Result<(), Broken> {
    if cancel.level() == CancelLevel::None { Ok(()) } else { Err(Broken::Cancelled) }
}

fn nobody(reason: &str) -> Broken {
    Broken::Failed(io::Error::other(format!("{reason} ({} s)", PATIENCE.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Destination;
    use rustix::fs::{CWD, mknodat};
    use std::path::{Path, PathBuf};

    fn pipe() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        (folder, path)
    }

    fn special(path: &Path) -> Special {
        let Ok(Destination::Stream(special)) = Destination::of(path) else { panic!("{}", path.display()) };
        special
    }

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_pipe_gets_all_of_it_and_stays_a_pipe() {
        let (_folder, path) = pipe();
        // More than the pipe's capacity.
        let bytes = vec![7; 1 << 20];
        let read = {
            let path = path.clone();
            std::thread::spawn(move || std::fs::read(path).unwrap())
        };
        let stream = Stream::open(&special(&path), &Cancel::new()).unwrap();
        copy_out(&mut file_of(&bytes), &stream, &Cancel::new()).unwrap();
        drop(stream);
        assert_eq!(read.join().unwrap(), bytes);
        assert!(std::os::unix::fs::FileTypeExt::is_fifo(&std::fs::metadata(&path).unwrap().file_type()));
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error() {
        let (_folder, path) = pipe();
        let Err(Broken::Failed(error)) = Stream::open_within(&special(&path), &Cancel::new(), Duration::ZERO) else {
            panic!()
        };
        assert_eq!(error.to_string(), "the pipe has no reader: start one before the run ends (30 s)");
    }

    #[test]
    fn who_cancels_is_heard_before_and_while_it_is_read() {
        let (_folder, path) = pipe();
        let cancelled = Cancel::new();
        cancelled.cancel(CancelLevel::Gently);
        assert!(matches!(Stream::open(&special(&path), &cancelled), Err(Broken::Cancelled)));
        // A reader that does not read.
        let _reader = open(&path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        let stream = Stream::open(&special(&path), &Cancel::new()).unwrap();
        let ended = copy_out(&mut file_of(&vec![7; 1 << 20]), &stream, &cancelled);
        assert!(matches!(ended, Err(Broken::Cancelled)), "{ended:?}");
    }

    #[test]
    fn a_reader_that_has_gone_and_a_full_device_are_told() {
        let (_folder, path) = pipe();
        let reader = open(&path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        let stream = Stream::open(&special(&path), &Cancel::new()).unwrap();
        drop(reader);
        assert!(matches!(copy_out(&mut file_of(b"x"), &stream, &Cancel::new()), Err(Broken::ReaderGone)));
        let full = Stream::open(&special(Path::new("/dev/full")), &Cancel::new()).unwrap();
        let Err(Broken::Failed(error)) = copy_out(&mut file_of(b"x"), &full, &Cancel::new()) else { panic!() };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
