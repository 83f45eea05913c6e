//! The events of a part as events of the whole run: what its script says carries the part's name, line by line, and
//! what all parts would say alike is said once.

use longshore_model::event::{Event, EventReceiver, Events};
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
            event @ (Event::Engine { .. } | Event::Pulling { .. } | Event::Note(_) | Event::Started) if is_first => {
                Some(event)
            }
            // How far the whole is, is counted in parts.
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
struct Lines {
    source: LogSource,
    open: Vec<u8>,
}

impl Lines {
    fn new(source: LogSource) -> Self {
        Self { source, open: Vec::new() }
    }

    fn take(&mut self, name: &str, bytes: &[u8]) -> Option<Event> {
        self.open.extend_from_slice(bytes);
        let end = match self.open.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if self.open.len() > LINE_MAX => self.open.len(),
            None => return None,
        };
        let rest = self.open.split_off(end);
        let whole = std::mem::replace(&mut self.open, rest);
        Some(self.event(name, &whole))
    }

    fn rest(&mut self, name: &str) -> Option<Event> {
        let mut rest = std::mem::take(&mut self.open);
        if rest.is_empty() {
            return None;
        }
        rest.push(b'\n');
        Some(self.event(name, &rest))
    }

    fn event(&self, name: &str, lines: &[u8]) -> Event {
        let mut bytes = Vec::with_capacity(lines.len() + name.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            bytes.extend_from_slice(format!("[{name}] ").as_bytes());
            bytes.extend_from_slice(line);
        }
        Event::Log { source: self.source, bytes }
    }
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
        for event in [log("a\nb"), log("c\nd\ne"), Event::Message("m".into()), Event::Note("said by the first".into())]
        {
            part_events.tell(event);
        }
        drop(part_events);
        relay("x".into(), false, part, whole).await;
        let mut passed = Vec::new();
        while let Some(event) = received.recv().await {
            passed.push(event);
        }
        let expected = [log("[x] a\n[x] bc\n[x] d\n"), Event::Message("[x] m".into()), log("[x] e\n")];
        assert_eq!(passed, expected);
    }
}
