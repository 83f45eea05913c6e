//! Detects from an interpreter's messages on standard error that a script could not import the SDK, even if a message
//! arrives in pieces. Keeps about one line of output.

/// The messages of Python and R for a missing module or package, with each quotation mark that they use.
const SAID: [&str; 6] = [
    "No module named 'longshore",
    "No module named 'omniscope",
    "there is no package called ‘longshore’",
    "there is no package called 'longshore'",
    "there is no package called ‘omniscope.api’",
    "there is no package called 'omniscope.api'",
];

/// Bytes kept of earlier output: enough for the longest of the above.
const KEPT: usize = 64;

/// Searches a script's standard error for the messages.
#[derive(Debug, Default)]
pub(super) struct MissingSdk {
    last: Vec<u8>,
    seen: bool,
}

impl MissingSdk {
    /// Examines the next bytes.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        if self.seen {
            return;
        }
        self.last.extend_from_slice(bytes);
        self.seen = SAID.iter().any(|said| self.last.windows(said.len()).any(|window| window == said.as_bytes()));
        self.last.drain(..self.last.len().saturating_sub(KEPT));
    }

    /// Whether a message was found.
    pub(super) fn seen(&self) -> bool {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(parts: &[&str]) -> bool {
        let mut missing = MissingSdk::default();
        parts.iter().for_each(|part| missing.look(part.as_bytes()));
        missing.seen()
    }

    #[test]
    fn both_interpreters_are_understood() {
        assert!(seen(&["Traceback …\nModuleNotFoundError: No module named 'longshore'\n"]));
        assert!(seen(&["ModuleNotFoundError: No module named 'omniscope.api'\n"]));
        assert!(seen(&["Error in library(longshore) : there is no package called ‘longshore’\n"]));
        assert!(!seen(&["ModuleNotFoundError: No module named 'pandas'\n"]));
    }

    #[test]
    fn what_comes_in_pieces_is_seen_and_little_is_kept() {
        assert!(seen(&["No module na", "med 'long", "shore'"]));
        assert!(SAID.iter().all(|said| said.len() <= KEPT));
        let mut missing = MissingSdk::default();
        missing.look(&[b'x'; 9999]);
        assert_eq!(missing.last.len(), KEPT);
    }
}
