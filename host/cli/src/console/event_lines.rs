//! A run's events as JSON lines on standard output. What the script prints is one event for each line.

use crate::help;
use crate::printer;
use longshore::lines::LineSplitter;
use longshore::{Event, LogSource, serde_json};
use serde_json::{Value, json};
use std::io;

/// Most bytes of a line; a longer one becomes several events.
const LINE_MAX: usize = 64 << 10;

/// The lines.
#[derive(Debug)]
pub(super) struct EventLines([LineSplitter; 2]);

/// The streams, by position.
const SOURCES: [LogSource; 2] = [LogSource::Stdout, LogSource::Stderr];

impl EventLines {
    pub(super) fn new() -> Self {
        Self(SOURCES.map(|_| LineSplitter::new(LINE_MAX)))
    }

    /// Prints an event.
    ///
    /// # Errors
    /// If standard output is closed.
    pub(super) fn print(&mut self, event: &Event) -> io::Result<()> {
        self.lines_of(event).iter().try_for_each(printer::json_line)
    }

    /// Prints the incomplete lines.
    ///
    /// # Errors
    /// If standard output is closed.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        for (splitter, source) in self.0.iter_mut().zip(SOURCES) {
            splitter.finish(|line| lines.push(log(source, line.text())));
        }
        lines.iter().try_for_each(printer::json_line)
    }

    fn lines_of(&mut self, event: &Event) -> Vec<Value> {
        let Event::Log { source, bytes } = event else {
            let mut line = serde_json::to_value(event).unwrap_or_default();
            if let Some(note) = line.get_mut("note").filter(|note| note.is_object()) {
                *note = help::note_in_record(note).into();
            }
            return vec![line];
        };
        let mut lines = Vec::new();
        self.0[usize::from(*source == LogSource::Stderr)].take(bytes, |line| lines.push(log(*source, line.text())));
        lines
    }
}

fn log(source: LogSource, text: String) -> Value {
    json!({"event": "log", "source": source, "text": text})
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore::{Note, Remedy};

    #[test]
    fn lines_are_whole_and_advice_is_in_words() {
        let mut lines = EventLines::new();
        let mut print = |text: &str| lines.lines_of(&Event::Log { source: LogSource::Stdout, bytes: text.into() });
        assert_eq!(print("a\nb"), [json!({"event": "log", "source": "stdout", "text": "a"})]);
        assert_eq!(print("c\r\n"), [json!({"event": "log", "source": "stdout", "text": "bc"})]);
        let note = Event::Note(Note::new("no network", Some(Remedy::AddNetwork)));
        assert_eq!(lines.lines_of(&note), [json!({"event": "note", "note": "no network: add `--network bridge`"})]);
        assert_eq!(lines.lines_of(&Event::Note("n".into())), [json!({"event": "note", "note": "n"})]);
    }
}
