//! Holds a traceback back for a moment. The two streams of a script arrive independently, and what it printed before an
//! exception is to be shown before the traceback.

use std::time::Instant;

/// The first line of a traceback.
const FIRST_LINE: &[u8] = b"Traceback (most recent call last):";

/// Most bytes held back.
const HELD_MAX: usize = 64 << 10;

/// A traceback that is held back, and what follows it.
#[derive(Debug, Default)]
pub(super) struct Traceback {
    held: Vec<u8>,
    since: Option<Instant>,
}

impl Traceback {
    /// Takes complete lines of standard error, and returns those that are shown now.
    pub(super) fn take(&mut self, mut lines: Vec<u8>) -> Vec<u8> {
        if self.since.is_none() {
            let begins = |at: &usize| lines[*at..].starts_with(FIRST_LINE);
            let starts = (0..lines.len()).filter(|at| *at == 0 || lines[at - 1] == b'\n');
            let Some(start) = starts.into_iter().find(begins) else { return lines };
            self.held = lines.split_off(start);
            self.since = Some(Instant::now());
        } else {
            self.held.append(&mut lines);
        }
        if self.held.len() > HELD_MAX {
            lines.append(&mut self.rest());
        }
        lines
    }

    /// When it began.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// What is held back.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.since = None;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_traceback_is_held_back() {
        let mut traceback = Traceback::default();
        assert_eq!(traceback.take(b"a\nno Traceback (most recent call last):\n".to_vec()).len(), 40);
        assert!(traceback.since().is_none());
        let text = b"b\nTraceback (most recent call last):\n  File\n";
        assert_eq!(traceback.take(text.to_vec()), b"b\n");
        assert_eq!(traceback.take(b"ValueError\n".to_vec()), b"");
        assert!(traceback.since().is_some());
        assert_eq!(traceback.rest(), b"Traceback (most recent call last):\n  File\nValueError\n");
        assert_eq!(traceback.take(b"c\n".to_vec()), b"c\n");
        traceback.take(b"Traceback (most recent call last):\n".to_vec());
        assert_eq!(traceback.take(vec![b'x'; HELD_MAX]).len(), HELD_MAX + 35);
    }
}
