//! The events of a step as events of the whole chain: lines and messages get the step's name.

use crate::partition::Lines;
use longshore_model::event::{Event, EventReceiver, Events};
use longshore_model::note::Note;
use longshore_protocol::LogSource;
use tokio::sync::watch;

/// Passes events on until the step has ended, and says when its script has begun.
pub(super) async fn relay(name: String, mut events: EventReceiver, whole: Events, begun: watch::Sender<bool>) {
    let mut lines = [Lines::new(LogSource::Stdout), Lines::new(LogSource::Stderr)];
    let named = |text: &str| format!("[{name}] {text}");
    while let Some(event) = events.recv().await {
        let passed = match event {
            Event::Log { source, bytes } => lines[usize::from(source == LogSource::Stderr)].take(&name, &bytes),
            Event::Message(text) => Some(Event::Message(named(&text))),
            Event::Error(text) => Some(Event::Error(named(&text))),
            Event::Progress { fraction, text } => {
                Some(Event::Progress { fraction, text: Some(named(text.as_deref().unwrap_or_default())) })
            }
            Event::Note(note) => Some(Event::Note(Note::new(named(&note.text), note.remedy))),
            event @ (Event::Engine { .. } | Event::Pulling { .. } | Event::Building { .. } | Event::Built { .. }) => {
                Some(event)
            }
            Event::Started => {
                begun.send_replace(true);
                Some(Event::Started)
            }
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
