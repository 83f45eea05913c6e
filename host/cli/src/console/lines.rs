//! Joins what a script prints in pieces into whole lines: unbuffered programs print a line in several writes, and other
//! output must not split it.

use std::time::Instant;

/// Most bytes of an incomplete line.
const LINE_MAX: usize = 64 << 10;

/// The incomplete line of a stream.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    since: Option<Instant>,
}

impl Lines {
    /// Takes printed bytes, and returns the lines that they complete. Where a status line is shown below, only `\n`
    /// ends a line, and of the versions of a line that returned with `\r` only the last is left.
    pub(super) fn take(&mut self, printed: &[u8], above_status: bool) -> Vec<u8> {
        let begun = self.bytes.len();
        self.bytes.extend_from_slice(printed);
        let ends = |byte: &u8| *byte == b'\n' || *byte == b'\r' && !above_status;
        let start = if above_status { 0 } else { begun };
        let end = self.bytes[start..].iter().rposition(ends).map_or(0, |at| start + at + 1);
        let end = if self.bytes.len() - end > LINE_MAX { self.bytes.len() } else { end };
        let whole: Vec<u8> = self.bytes.drain(..end).collect();
        let before = self.since.filter(|_| end == 0);
        self.since = (!self.bytes.is_empty()).then(|| before.unwrap_or_else(Instant::now));
        if above_status { last_versions(&whole) } else { whole }
    }

    /// Takes the incomplete line.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.since = None;
        std::mem::take(&mut self.bytes)
    }

    /// When the incomplete line began.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }
}

/// What remains visible of lines that return to their beginning.
fn last_versions(whole: &[u8]) -> Vec<u8> {
    if !whole.contains(&b'\r') {
        return whole.to_vec();
    }
    let mut left = Vec::with_capacity(whole.len());
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let start = text.iter().rposition(|byte| *byte == b'\r').map_or(0, |at| at + 1);
        left.extend_from_slice(&text[start..]);
        if line.ends_with(b"\n") {
            left.push(b'\n');
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"1", false), b"");
        assert!(lines.since().is_some());
        assert_eq!(lines.take(b"\n2\n3", false), b"1\n2\n");
        assert_eq!(lines.take(b"%\r", false), b"3%\r");
        assert!(lines.since().is_none());
        assert_eq!(lines.take(b"rest", false), b"");
        assert_eq!(lines.rest(), b"rest");
        assert_eq!(lines.take(&[b'x'; LINE_MAX + 1], false).len(), LINE_MAX + 1);
    }

    #[test]
    fn above_a_status_line_only_whole_lines_are_shown() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"10%\r", true), b"");
        assert_eq!(lines.take(b"100%\rdone", true), b"");
        assert_eq!(lines.take(b"\r\nnext\r\n", true), b"done\nnext\n");
        // A line that began before the status line was shown.
        assert_eq!(lines.take(b"a\rb", false), b"a\r");
        assert_eq!(lines.take(b"c\n", true), b"bc\n");
    }

    #[test]
    fn no_byte_is_lost_however_a_stream_is_cut() {
        let text = b"a\nbc\r\nd\r\n\n\re".repeat(7);
        for length in 1..text.len() {
            let mut lines = Lines::default();
            let mut shown: Vec<u8> = text.chunks(length).flat_map(|piece| lines.take(piece, false)).collect();
            shown.extend(lines.rest());
            assert_eq!(shown, text, "{length}");
        }
    }
}
