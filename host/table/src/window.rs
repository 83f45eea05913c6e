//! The bytes of a text, a window at a time.

use std::io::{Read, Result};
use std::ops::Range;

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The reading of a text.
pub(super) struct Window<R> {
    text: R,
    pub(super) buffer: Vec<u8>,
    /// The position of the next byte in the buffer, and the end of the bytes in it.
    pub(super) at: usize,
    pub(super) filled: usize,
    ended: bool,
    /// Bytes used before those in the buffer.
    used: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(text: R) -> Self {
        Self { text, buffer: vec![0; READ_BYTES], at: 0, filled: 0, ended: false, used: 0 }
    }

    /// Bytes of the text used so far.
    pub(super) fn used(&self) -> u64 {
        self.used + self.at as u64
    }

    /// The next bytes, as far as they have been read.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.filled]
    }

    /// The next byte; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        if self.at == self.filled && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    /// Reads more, if all bytes are used. `false` at the end.
    pub(super) fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.used += self.filled as u64;
        (self.at, self.filled) = (0, 0);
        self.filled = self.read_at(0)?;
        self.ended = self.filled == 0;
        Ok(self.filled > 0)
    }

    /// The range of the next bytes: at least `length`, if the text has as many.
    pub(super) fn ahead(&mut self, length: usize) -> Result<Range<usize>> {
        if self.filled - self.at < length && !self.ended {
            if self.buffer.len() < length {
                self.buffer.resize(length, 0);
            }
            self.buffer.copy_within(self.at..self.filled, 0);
            self.used += self.at as u64;
            (self.at, self.filled) = (0, self.filled - self.at);
            // A pipe may return its bytes one by one.
            while self.filled < length && !self.ended {
                let read = self.read_at(self.filled)?;
                self.filled += read;
                self.ended = read == 0;
            }
        }
        Ok(self.at..self.filled)
    }

    /// Skips the byte order mark of UTF-8, if the text begins with it.
    pub(super) fn skip_byte_order_mark(&mut self) -> Result<()> {
        // Byte by byte, so that a short first row that is typed does not block.
        for length in 1..=MARK.len() {
            let rest = self.ahead(length)?;
            let known = &self.buffer[rest];
            if known.len() < length || !known.starts_with(&MARK[..length]) {
                return Ok(());
            }
        }
        self.at += MARK.len();
        Ok(())
    }

    /// Reads into the buffer, starting at a position.
    fn read_at(&mut self, at: usize) -> Result<usize> {
        loop {
            match self.text.read(&mut self.buffer[at..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}
