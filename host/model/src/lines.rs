//! Splits a program's output into lines, from pieces of any length. The callers interpret the lines and decide how many
//! are kept.

/// A line, or a piece of a line that exceeds the splitter's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its bytes with its end, which is `\n`, `\r\n`, or a lone `\r`, with which progress bars return. The last line of
    /// a stream may have no end; of the pieces of a line, only the last one has it.
    pub bytes: &'a [u8],
    /// Whether a line begins here; otherwise this continues the previous piece.
    pub begins: bool,
}

impl Line<'_> {
    /// Its text, without its end and leading white space; invalid UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes).trim_end().to_owned()
    }
}

/// Splits a stream into lines, regardless of how its bytes are divided.
#[derive(Debug)]
pub struct LineSplitter {
    max: usize,
    /// The unfinished line. Ends with `\r` while it is unknown whether `\n` follows.
    open: Vec<u8>,
    begins: bool,
}

impl LineSplitter {
    /// A splitter that holds at most `max` bytes of a line, not counting its end; longer lines are given in pieces.
    pub fn new(max: usize) -> Self {
        Self { max: max.max(1), open: Vec::new(), begins: true }
    }

    /// Takes the next bytes, and gives every line that they complete.
    pub fn take(&mut self, mut bytes: &[u8], mut give: impl FnMut(Line<'_>)) {
        while let Some((first, rest)) = bytes.split_first() {
            let is_return = self.open.last() == Some(&b'\r');
            if *first == b'\n' {
                self.open.push(b'\n');
                bytes = rest;
                self.give(true, &mut give);
            } else if is_return {
                self.give(true, &mut give);
            } else if *first == b'\r' {
                self.open.push(b'\r');
                bytes = rest;
            } else {
                if self.open.len() == self.max {
                    self.give(false, &mut give);
                }
                let room = bytes.len().min(self.max - self.open.len());
                let length = bytes[..room].iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(room);
                self.open.extend_from_slice(&bytes[..length]);
                bytes = &bytes[length..];
            }
        }
    }

    /// Gives the unfinished line, at the end of the stream.
    pub fn finish(&mut self, mut give: impl FnMut(Line<'_>)) {
        if !self.open.is_empty() {
            self.give(true, &mut give);
        }
    }

    fn give(&mut self, is_end: bool, give: &mut impl FnMut(Line<'_>)) {
        give(Line { bytes: &self.open, begins: self.begins });
        self.open.clear();
        self.begins = is_end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn split(max: usize, pieces: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let (mut splitter, mut lines) = (LineSplitter::new(max), Vec::new());
        for piece in pieces {
            splitter.take(piece, |line| lines.push((line.bytes.to_vec(), line.begins)));
        }
        splitter.finish(|line| lines.push((line.bytes.to_vec(), line.begins)));
        lines
    }

    fn texts(max: usize, text: &str) -> Vec<String> {
        split(max, &[text.as_bytes()])
            .into_iter()
            .map(|(bytes, begins)| format!("{}{}", if begins { "" } else { "+" }, String::from_utf8(bytes).unwrap()))
            .collect()
    }

    #[test]
    fn a_line_ends_at_a_line_break_a_return_or_both() {
        assert_eq!(texts(9, "a\nb\r\n1%\r2%\r\r\n\nc"), ["a\n", "b\r\n", "1%\r", "2%\r", "\r\n", "\n", "c"]);
        assert_eq!(texts(9, "a\r"), ["a\r"]);
        assert_eq!(texts(9, ""), [""; 0]);
        let text = |bytes| Line { bytes, begins: true }.text();
        assert_eq!([text(b" a \r\n"), text(b"\n"), text(b"\xff")], [" a", "", "\u{fffd}"]);
    }

    #[test]
    fn a_long_line_comes_in_pieces_that_say_so() {
        assert_eq!(texts(3, "abc\nabcdefgh\r\nx"), ["abc\n", "abc", "+def", "+gh\r\n", "x"]);
        assert_eq!(texts(3, "abcdef"), ["abc", "+def"]);
        assert_eq!(texts(0, "ab"), ["a", "+b"]);
    }

    /// Texts of line ends and letters, cut anywhere: the lines are the same, and together they are the text.
    #[test]
    fn lines_do_not_depend_on_how_bytes_come() {
        let mut dice = Dice(0x2545_f491_4f6c_dd1d);
        for _ in 0..2000 {
            let text: String = (0..dice.roll(24)).map(|_| dice.one(&["a", "b", "é", "\n", "\r", "\r\n"])).collect();
            let max = 1 + dice.roll(5);
            let whole = split(max, &[text.as_bytes()]);
            let (mut pieces, mut rest) = (Vec::new(), text.as_bytes());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + dice.roll(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(split(max, &pieces), whole, "{text:?}");
            let bytes: Vec<u8> = whole.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            assert_eq!(bytes, text.as_bytes(), "{max}");
            assert!(whole.iter().all(|(bytes, _)| bytes.len() <= max + 2), "{whole:?}");
        }
    }
}
