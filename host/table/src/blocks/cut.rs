//! Cuts a text into blocks that end at the end of a line outside quotes, as determined by counting quotes. A block
//! begins with a record if the previous block, read from the start of a record, ends with one; the reader of the blocks
//! checks this.

use crate::TableError;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a block: one core processes it in about a millisecond, and it fits in the core's cache.
const BLOCK_BYTES: usize = 1 << 20;

/// Bytes at the start of a text by which its columns are guessed; a shorter text is read as fast without threads.
const HEAD_BYTES: usize = 256 << 10;

/// Maximum size of a block with long lines, in block sizes: 8 MiB, of which each core holds a few.
const LONGEST: usize = 8;

/// Sizes of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Of a block.
    pub(crate) block: usize,
    /// Of the first bytes, by which the columns are guessed.
    pub(crate) head: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { block: BLOCK_BYTES, head: HEAD_BYTES }
    }
}

/// Cuts a text.
pub(crate) struct Cutter<R> {
    path: PathBuf,
    text: R,
    /// The quote inside which a line end does not end a block.
    quote: Option<u8>,
    size: usize,
    /// The bytes of the next block that have been read.
    held: Vec<u8>,
    ended: bool,
}

impl<R: Read> Cutter<R> {
    /// Cuts a text, without its first `first` bytes.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn new(
        path: &Path,
        mut text: R,
        first: u64,
        quote: Option<u8>,
        sizes: Sizes,
    ) -> Result<Self, TableError> {
        let failed = |source| TableError::Read { path: path.to_owned(), source };
        std::io::copy(&mut text.by_ref().take(first), &mut std::io::sink()).map_err(failed)?;
        Ok(Self { path: path.to_owned(), text, quote, size: sizes.block, held: Vec::new(), ended: false })
    }

    /// The next block, in a reused buffer; `None` at the end.
    ///
    /// # Errors
    /// If the text cannot be read, or a line is longer than the largest block.
    pub(crate) fn next(&mut self, mut block: Vec<u8>) -> Result<Option<Vec<u8>>, TableError> {
        block.clear();
        block.append(&mut self.held);
        loop {
            self.read(&mut block)?;
            if self.ended {
                return Ok((!block.is_empty()).then_some(block));
            }
            if let Some(end) = last_end(&block, self.quote) {
                self.held.extend_from_slice(&block[end..]);
                block.truncate(end);
                return Ok(Some(block));
            }
            if block.len() >= self.size * LONGEST {
                return Err(changed(&self.path));
            }
        }
    }

    /// Reads more, up to a multiple of the block size.
    fn read(&mut self, block: &mut Vec<u8>) -> Result<(), TableError> {
        let wanted = self.size - block.len() % self.size;
        block.reserve(wanted);
        let read = self.text.by_ref().take(wanted as u64).read_to_end(block);
        let read = read.map_err(|source| TableError::Read { path: self.path.clone(), source })?;
        self.ended = read < wanted;
        Ok(())
    }
}

/// The error of a text whose blocks were valid when it was checked.
pub(crate) fn changed(path: &Path) -> TableError {
    TableError::Unreadable { path: path.to_owned(), reason: "the file changed while it was being read".into() }
}

/// The end of the last line outside quotes, in a text that begins outside quotes.
pub(crate) fn last_end(text: &[u8], quote: Option<u8>) -> Option<usize> {
    let mut end = memchr::memrchr(b'\n', text)? + 1;
    let Some(quote) = quote else { return Some(end) };
    if memchr::memchr_iter(quote, &text[..end]).count() % 2 == 1 {
        // The text directly before the last quote is outside quotes.
        let opened = memchr::memrchr(quote, &text[..end])?;
        end = memchr::memrchr(b'\n', &text[..opened])? + 1;
        // If the last quote is one of a doubled pair, this end may still be inside quotes.
        if memchr::memchr_iter(quote, &text[..end]).count() % 2 == 1 {
            return None;
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str, block: usize) -> Result<Vec<String>, String> {
        let sizes = Sizes { block, head: 0 };
        let mut cutter = Cutter::new(Path::new("x"), text.as_bytes(), 0, Some(b'"'), sizes).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = cutter.next(b"used".to_vec()).map_err(|error| error.to_string())? {
            blocks.push(String::from_utf8(block).unwrap());
        }
        Ok(blocks)
    }

    #[test]
    fn blocks_end_where_lines_do() {
        let text = "a,b\n1,2\r\n\"x\n\ny\",3\n4,\"5\"\"\n6\"\n7,8";
        for size in 3..text.len() + 2 {
            let blocks = blocks(text, size).unwrap();
            assert_eq!(blocks.concat(), text);
            for block in &blocks[..blocks.len() - 1] {
                assert!(block.ends_with('\n') && block.matches('"').count() % 2 == 0, "{size}: {blocks:?}");
            }
        }
        assert_eq!(blocks("", 5).unwrap(), [""; 0]);
        assert_eq!(blocks(text, 6).unwrap()[0], "a,b\n");
    }

    #[test]
    fn lines_that_do_not_end_are_an_error() {
        assert!(blocks(&"x".repeat(100), 2).is_err());
        assert_eq!(blocks(&"x".repeat(100), 20).unwrap().len(), 1);
    }
}
