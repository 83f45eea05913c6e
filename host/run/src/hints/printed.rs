//! The end of a script's standard error, in which its interpreter describes an uncaught error.

/// Bytes kept: Python's deepest traceback, of 1,000 calls, is shortened to some 50 lines; ten errors in a chain with 50
/// lines of 130 bytes each are 64 KiB.
const KEPT: usize = 64 << 10;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    bytes: Vec<u8>,
}

impl Printed {
    /// Takes the next bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT)..]);
        // Not at each call: a flood would move the same bytes again and again.
        if self.bytes.len() > 2 * KEPT {
            self.bytes.drain(..self.bytes.len() - KEPT);
        }
    }

    /// The text; bytes that are not UTF-8 are replaced. A first line without its beginning is left out: a part of a secret
    /// cannot be masked.
    pub(crate) fn text(&self) -> String {
        let end = &self.bytes[self.bytes.len().saturating_sub(KEPT)..];
        let whole = end.iter().position(|byte| *byte == b'\n').filter(|_| end.len() == KEPT);
        String::from_utf8_lossy(&end[whole.map_or(0, |at| at + 1)..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_whatever_the_pieces() {
        let mut printed = Printed::default();
        printed.take(b"lost");
        printed.take(&vec![b'x'; 5 * KEPT]);
        printed.take(b"the end \xff");
        let text = printed.text();
        assert!(text.ends_with("xthe end \u{fffd}") && !text.contains("lost"), "{}", text.len());
        assert!(printed.bytes.len() <= 2 * KEPT);
        printed.take(b"\nlast line\n");
        assert_eq!(printed.text(), "last line\n");
    }
}
