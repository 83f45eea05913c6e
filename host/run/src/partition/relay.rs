//! The events of a part as events of the whole run: each line of a script's output gets the part's name, and events
//! that are the same for all parts are passed on once.

use longshore_model::event::{Event, EventReceiver, Events};
use longshore_model::lines::{Line, LineSplitter};
use longshore_protocol::LogSource;

/// Longest line that is kept until its end; a longer one is passed on in pieces.
const LINE_MAX: usize = 64 << 10;

/// Passes events on until the part has ended.
pub(super) async fn relay(name: String, is_first: bool, mut events: EventReceiver, whole: Events) {
    let mut lines = [Lines::new(LogSource::Stdout), Lines::new(LogSource::Stderr)];
    while let Some(event) = events.recv().await {
        let passed = match event {
            Event::Log { source, bytes } => {
                let line = &mut lines[usize::from(source == LogSource::Stderr)];
                line.take(&name, &bytes)
            }
            Event::Message(text) => Some(Event::Message(format!("[{name}] {text}"))),
            Event::Error(text) => Some(Event::Error(format!("[{name}] {text}"))),
            event @ (Event::Engine { .. }
            | Event::Pulling { .. }
            | Event::Queued { .. }
            | Event::Note(_)
            | Event::Started)
                if is_first =>
            {
                Some(event)
            }
            // The progress of the whole run is counted in parts.
            _ => None,
        };
        if let Some(event) = passed {
            whole.tell(event);
        }
    }
    for line in &mut lines {
        if let Some(event) = line.rest(&name) {
            whole.tell(event);
        }
    }
}

/// The lines of one stream.
pub(crate) struct Lines {
    source: LogSource,
    splitter: LineSplitter,
}

impl Lines {
    pub(crate) fn new(source: LogSource) -> Self {
        Self { source, splitter: LineSplitter::new(LINE_MAX) }
    }

    pub(crate) fn take(&mut self, name: &str, bytes: &[u8]) -> Option<Event> {
        let mut named = Vec::with_capacity(bytes.len() + name.len());
        self.splitter.take(bytes, |line| push(&mut named, name, line));
        self.event(named)
    }

    /// The incomplete line, with a line break, because output of other parts follows.
    pub(crate) fn rest(&mut self, name: &str) -> Option<Event> {
        let mut named = Vec::new();
        self.splitter.finish(|line| push(&mut named, name, line));
        if named.last().is_some_and(|byte| *byte != b'\n') {
            named.push(b'\n');
        }
        self.event(named)
    }

    fn event(&self, bytes: Vec<u8>) -> Option<Event> {
        (!bytes.is_empty()).then_some(Event::Log { source: self.source, bytes })
    }
}

/// Every piece of a long line gets the name too: lines of other parts may be between them.
fn push(named: &mut Vec<u8>, name: &str, line: Line<'_>) {
    named.extend_from_slice(format!("[{name}] ").as_bytes());
    named.extend_from_slice(line.bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::event::events;

    #[tokio::test]
    async fn each_line_carries_the_name_of_its_part() {
        let (whole, mut received) = events();
        let (part_events, part) = events();
        let log = |text: &str| Event::Log { source: LogSource::Stdout, bytes: text.as_bytes().to_vec() };
        for event in [
            log("a\nb"),
            log("c\nd\n1%\r"),
            log("2%\r"),
            log("\ne"),
            Event::Message("m".into()),
            Event::Note("said by the first".into()),
        ] {
            part_events.tell(event);
        }
        drop(part_events);
        relay("x".into(), false, part, whole).await;
        let mut passed = Vec::new();
        while let Some(event) = received.recv().await {
            passed.push(event);
        }
        // Log events that follow each other are joined.
        let expected =
            [log("[x] a\n[x] bc\n[x] d\n[x] 1%\r[x] 2%\r\n"), Event::Message("[x] m".into()), log("[x] e\n")];
        assert_eq!(passed, expected);
    }
}
