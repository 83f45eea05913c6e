//! Feeds a reader without a descriptor into a pipe, on its own thread, so that it can be polled for data that is ready.
//! Its errors, and its panics, arrive after the bytes before them.

use super::guard::guarded;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// The reading end of the pipe.
pub(super) struct Pumped {
    pipe: File,
    end: Arc<Mutex<Option<io::Error>>>,
}

impl Read for Pumped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.pipe.read(buffer)?;
        // The thread reports its result before it closes the pipe.
        match self.end.lock().unwrap_or_else(PoisonError::into_inner).take_if(|_| read == 0 && !buffer.is_empty()) {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }
}

/// Starts to read. Returns a descriptor to poll, and the reader to use instead.
pub(super) fn pump(mut reader: Box<dyn Read + Send>) -> io::Result<(File, Pumped)> {
    let (output, input) = pipe_with(PipeFlags::CLOEXEC)?;
    let (output, mut input) = (File::from(output), File::from(input));
    let end = Arc::new(Mutex::new(None));
    let told = Arc::clone(&end);
    let work = move || {
        let copied = guarded(|| io::copy(&mut reader, &mut input).map(drop));
        let copied = copied.unwrap_or_else(|panicked| Err(io::Error::other(panicked.words)));
        *told.lock().unwrap_or_else(PoisonError::into_inner) = copied.err();
        drop(input);
    };
    // It ends with its reader, or at the first write after the pipe is closed: a blocking read cannot be interrupted.
    std::thread::Builder::new().name("reader".into()).spawn(work)?;
    Ok((output.try_clone()?, Pumped { pipe: output, end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(u8);

    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => buffer[..3].copy_from_slice(b"abc"),
                2 => return Err(io::Error::other("the line is dead")),
                _ => panic!("on purpose"),
            }
            Ok(3)
        }
    }

    #[test]
    fn all_bytes_and_then_the_error_arrive() {
        let (_, mut pumped) = pump(Box::new(io::Cursor::new(vec![7; 1 << 20]))).unwrap();
        let mut all = Vec::new();
        pumped.read_to_end(&mut all).unwrap();
        assert_eq!(all, vec![7; 1 << 20]);
        for (first, error) in [(0, "the line is dead"), (2, "on purpose")] {
            let (_, mut pumped) = pump(Box::new(Fails(first))).unwrap();
            let mut all = Vec::new();
            assert_eq!(pumped.read_to_end(&mut all).unwrap_err().to_string(), error);
            assert_eq!(all, if first == 0 { b"abc".as_slice() } else { b"" });
        }
    }
}
