//! The kept part of a script's output: its beginning and its end, cut at lines. Secrets are masked before. A run whose
//! environment could not be built has the output of the build instead.

use longshore_model::event::Event;
use longshore_model::lines::LineSplitter;
use longshore_protocol::LogSource;
use std::collections::VecDeque;

/// Longest line that is kept together; a longer one is taken in pieces.
const LINE_MAX: usize = 64 << 10;

/// A log that is being recorded.
#[derive(Debug)]
pub(super) struct Log {
    /// Of standard output and standard error: programs print a line in pieces, and the pieces of the two streams arrive
    /// interleaved.
    lines: [LineSplitter; 2],
    kept: Kept,
    /// Of the build, until the script's container runs.
    build: Kept,
}

/// The kept part.
#[derive(Debug)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// Maximum bytes of each of them.
    half: usize,
    left_out: u64,
}

impl Log {
    /// A log of at most so many bytes.
    pub(super) fn new(bytes_max: u64) -> Self {
        let half = usize::try_from(bytes_max / 2).unwrap_or(usize::MAX);
        let lines = [LineSplitter::new(LINE_MAX), LineSplitter::new(LINE_MAX)];
        Self { lines, kept: Kept::new(half), build: Kept::new(half) }
    }

    /// Takes the events that belong in it: the script's output, in order, and the errors that it reported; before it
    /// starts, the output of the build.
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Log { source, bytes } => {
                let lines = &mut self.lines[usize::from(*source == LogSource::Stderr)];
                lines.take(bytes, |line| self.kept.push(line.bytes));
            }
            Event::Building { line } => self.build.push(format!("{line}\n").as_bytes()),
            Event::Connected => self.build = Kept::new(self.build.half),
            Event::Error(text) => self.kept.push(format!("error: {text}\n").as_bytes()),
            _ => {}
        }
    }

    /// All of it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for lines in &mut self.lines {
            lines.finish(|line| self.kept.push(line.bytes));
        }
        let mut text = self.build.finish();
        text.extend(self.kept.finish());
        text
    }
}

impl Kept {
    fn new(half: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half, left_out: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = if self.tail.is_empty() && self.left_out == 0 { self.half - self.head.len() } else { 0 };
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        // Bytes beyond the limit on their own need not go through the queue.
        let rest = match rest.len().checked_sub(self.half) {
            Some(beyond) => {
                self.left_out += (self.tail.len() + beyond) as u64;
                self.tail.clear();
                &rest[beyond..]
            }
            None => rest,
        };
        let beyond = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..beyond);
        self.left_out += beyond as u64;
        self.tail.extend(rest);
    }

    /// All of it. Where bytes were left out, a line gives their number.
    fn finish(mut self) -> Vec<u8> {
        let mut text = self.head;
        let tail: &[u8] = self.tail.make_contiguous();
        if self.left_out > 0 {
            // Incomplete lines are left out too.
            let end = text.iter().rposition(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
            let start = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            // A single long line has no line break to cut at.
            let start = if start < tail.len() { start } else { 0 };
            let left_out = self.left_out + (text.len() - end + start) as u64;
            text.truncate(end);
            text.extend_from_slice(format!("… {left_out} bytes are left out here …\n").as_bytes());
            text.extend_from_slice(&tail[start..]);
        } else {
            text.extend_from_slice(tail);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes_max: u64, pieces: &[&str]) -> String {
        let mut log = Log::new(bytes_max);
        for piece in pieces {
            log.take(&Event::Log { source: LogSource::Stdout, bytes: piece.as_bytes().to_vec() });
        }
        String::from_utf8(log.finish()).unwrap()
    }

    #[test]
    fn the_beginning_and_the_end_stay() {
        assert_eq!(kept(100, &["one\n", "two\n"]), "one\ntwo\n");
        assert_eq!(kept(8, &["one\n", "two\n"]), "one\ntwo\n");
        let expected = "one\n… 8 bytes are left out here …\nlast\n";
        assert_eq!(kept(10, &["one\n", "two\nthr\n", "last\n"]), expected);
        assert_eq!(kept(10, &["one\ntwo\nthr\nlast\n"]), expected);
        assert_eq!(kept(10, &["one\nt", "wo\nthr\nla", "st\n"]), expected);
        assert_eq!(kept(0, &["one\n"]), "… 4 bytes are left out here …\n");
    }

    #[test]
    fn what_is_cut_is_cut_at_lines() {
        let expected = "a\n… 11 bytes are left out here …\nkl\n";
        assert_eq!(kept(10, &["a\nbcd", "efgh\nij\nkl\n"]), expected);
        assert_eq!(kept(4, &["abcdefgh"]), "ab… 4 bytes are left out here …\ngh");
    }

    #[test]
    fn lines_of_two_streams_do_not_mix() {
        let mut log = Log::new(100);
        for (source, text) in [
            (LogSource::Stdout, "ou"),
            (LogSource::Stderr, "err\n"),
            (LogSource::Stdout, "t\nlast"),
            (LogSource::Stderr, "e"),
        ] {
            log.take(&Event::Log { source, bytes: text.as_bytes().to_vec() });
        }
        log.take(&Event::Error("bad".into()));
        log.take(&Event::Message("shown while it runs".into()));
        assert_eq!(log.finish(), b"err\nout\nerror: bad\nlaste");
    }

    #[test]
    fn the_build_is_kept_unless_the_script_starts() {
        let mut log = Log::new(100);
        log.take(&Event::Building { line: "no such package".into() });
        assert_eq!(log.finish(), b"no such package\n");
        let mut log = Log::new(100);
        for event in [Event::Building { line: "installed".into() }, Event::Connected, Event::Error("bad".into())] {
            log.take(&event);
        }
        assert_eq!(log.finish(), b"error: bad\n");
    }

    #[test]
    fn every_byte_of_a_progress_bar_is_kept() {
        assert_eq!(kept(100, &["1%\r", "2%\r3%", "\r\ndone"]), "1%\r2%\r3%\r\ndone");
    }
}
