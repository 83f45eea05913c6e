//! The last lines that a script printed, of both streams in the order of their ends.

use longshore::LogSource;
use longshore::lines::LineSplitter;
use std::collections::VecDeque;

/// Most bytes of a line; longer ones count as several.
const LINE_MAX: usize = 64 << 10;

/// Most bytes of all lines.
const BYTES_MAX: usize = 1 << 20;

/// The last lines.
#[derive(Debug)]
pub(super) struct LogEnd {
    most: usize,
    lines: VecDeque<String>,
    bytes: usize,
    splitters: [LineSplitter; 2],
}

impl LogEnd {
    /// Keeps this number of lines.
    pub(super) fn new(most: usize) -> Self {
        let splitters = [LineSplitter::new(LINE_MAX), LineSplitter::new(LINE_MAX)];
        Self { most, lines: VecDeque::new(), bytes: 0, splitters }
    }

    /// Takes what was printed.
    pub(super) fn take(&mut self, source: LogSource, printed: &[u8]) {
        let mut lines = Vec::new();
        self.splitters[usize::from(source == LogSource::Stderr)].take(printed, |line| lines.push(line.text()));
        lines.into_iter().for_each(|line| self.push(line));
    }

    /// The lines, the incomplete ones last.
    pub(super) fn finish(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        self.splitters.iter_mut().for_each(|splitter| splitter.finish(|line| lines.push(line.text())));
        lines.into_iter().for_each(|line| self.push(line));
        self.lines.into()
    }

    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > self.most || self.bytes > BYTES_MAX {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_both_streams_are_kept() {
        let mut end = LogEnd::new(3);
        end.take(LogSource::Stdout, b"1\n2\nbeg");
        end.take(LogSource::Stderr, b"Error: x\n");
        end.take(LogSource::Stdout, b"un\n");
        end.take(LogSource::Stderr, b"  \xff end");
        assert_eq!(end.finish(), ["Error: x", "begun", "  \u{fffd} end"]);
        let mut end = LogEnd::new(1000);
        (0..100).for_each(|_| end.take(LogSource::Stdout, format!("{}\n", "x".repeat(50_000)).as_bytes()));
        assert_eq!(end.finish().len(), 20);
    }
}
