//! Events as JSON objects: the key `event` names the kind, and the other keys are its values.

use super::{Event, PullStep};
use crate::engine_kind::EngineKind;
use crate::note::Note;
use crate::pull_progress::LayerProgress;
use crate::table::Preview;
use longshore_protocol::LogSource;
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// An event, with a name for each value.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Named<'a> {
    Engine {
        engine: EngineKind,
        note: Option<&'a str>,
    },
    Building {
        line: &'a str,
    },
    Built {
        line: &'a str,
    },
    Pulling {
        image: &'a str,
        #[serde(flatten)]
        step: Step<'a>,
    },
    Connected,
    Attended {
        container: Option<&'a str>,
        folder: &'a str,
    },
    Started,
    Log {
        source: LogSource,
        text: Cow<'a, str>,
    },
    Reading {
        input: u32,
    },
    Message {
        text: &'a str,
    },
    Progress {
        fraction: f64,
        text: Option<&'a str>,
    },
    Error {
        text: &'a str,
    },
    Note {
        note: &'a Note,
    },
    Ending,
    Publishing,
    Unsaved {
        index: u32,
        id: Option<&'a str>,
        rows: u64,
        preview: &'a Preview,
    },
    Dropped {
        events: u64,
        bytes: u64,
    },
}

#[derive(Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Step<'a> {
    Begun { registry: &'a str, attempt: u32 },
    Layer { layer: &'a LayerProgress },
    Failed { attempt: u32, reason: &'a str, delay_ms: u128 },
    Pulled,
}

impl Serialize for Event {
    fn serialize<Into: Serializer>(&self, serializer: Into) -> Result<Into::Ok, Into::Error> {
        Named::from(self).serialize(serializer)
    }
}

impl<'a> From<&'a Event> for Named<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Engine { engine, note } => Self::Engine { engine: *engine, note: note.as_deref() },
            Event::Building { line } => Self::Building { line },
            Event::Built { line } => Self::Built { line },
            Event::Pulling { image, step } => Self::Pulling { image, step: step.into() },
            Event::Connected => Self::Connected,
            // Values of its environment may be secret.
            Event::Attended(place) => Self::Attended { container: place.container.as_deref(), folder: &place.folder },
            Event::Started => Self::Started,
            Event::Log { source, bytes } => Self::Log { source: *source, text: String::from_utf8_lossy(bytes) },
            Event::Reading { input } => Self::Reading { input: *input },
            Event::Message(text) => Self::Message { text },
            Event::Progress { fraction, text } => Self::Progress { fraction: *fraction, text: text.as_deref() },
            Event::Error(text) => Self::Error { text },
            Event::Note(note) => Self::Note { note },
            Event::Ending => Self::Ending,
            Event::Publishing => Self::Publishing,
            Event::Unsaved { index, id, rows, preview } => {
                Self::Unsaved { index: *index, id: id.as_deref(), rows: *rows, preview }
            }
            Event::Dropped(dropped) => Self::Dropped { events: dropped.events, bytes: dropped.bytes },
        }
    }
}

impl<'a> From<&'a PullStep> for Step<'a> {
    fn from(step: &'a PullStep) -> Self {
        match step {
            PullStep::Begun { registry, attempt } => Self::Begun { registry, attempt: *attempt },
            PullStep::Layer(layer) => Self::Layer { layer },
            PullStep::Failed { attempt, reason, delay } => {
                Self::Failed { attempt: *attempt, reason, delay_ms: delay.as_millis() }
            }
            PullStep::Pulled => Self::Pulled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DroppedEvents;
    use crate::pull_progress::LayerStatus;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn each_event_is_an_object_with_its_kind() {
        let image = || "x:1".to_owned();
        let layer = LayerProgress { id: "a".into(), status: LayerStatus::Downloading, current: 1, total: None };
        let preview = Preview { columns: vec!["n".into()], more_columns: 0, rows: vec![vec![Some("1".into())]] };
        let failed = PullStep::Failed { attempt: 1, reason: "reset".into(), delay: Duration::from_secs(2) };
        let cases = [
            (
                Event::Engine { engine: EngineKind::Process, note: None },
                json!({"event": "engine", "engine": "process", "note": null}),
            ),
            (Event::Building { line: "a".into() }, json!({"event": "building", "line": "a"})),
            (Event::Built { line: "b".into() }, json!({"event": "built", "line": "b"})),
            (
                Event::Pulling { image: image(), step: PullStep::Begun { registry: "r".into(), attempt: 1 } },
                json!({"event": "pulling", "image": "x:1", "step": "begun", "registry": "r", "attempt": 1}),
            ),
            (
                Event::Pulling { image: image(), step: PullStep::Layer(layer) },
                json!({"event": "pulling", "image": "x:1", "step": "layer",
                       "layer": {"id": "a", "status": "downloading", "current": 1, "total": null}}),
            ),
            (
                Event::Pulling { image: image(), step: failed },
                json!({"event": "pulling", "image": "x:1", "step": "failed", "attempt": 1, "reason": "reset", "delay_ms": 2000}),
            ),
            (
                Event::Pulling { image: image(), step: PullStep::Pulled },
                json!({"event": "pulling", "image": "x:1", "step": "pulled"}),
            ),
            (Event::Connected, json!({"event": "connected"})),
            (Event::Started, json!({"event": "started"})),
            (
                Event::Log { source: LogSource::Stderr, bytes: b"a\xff\n".to_vec() },
                json!({"event": "log", "source": "stderr", "text": "a\u{fffd}\n"}),
            ),
            (Event::Reading { input: 2 }, json!({"event": "reading", "input": 2})),
            (Event::Message("m".into()), json!({"event": "message", "text": "m"})),
            (
                Event::Progress { fraction: 0.5, text: Some("half".into()) },
                json!({"event": "progress", "fraction": 0.5, "text": "half"}),
            ),
            (Event::Error("e".into()), json!({"event": "error", "text": "e"})),
            (Event::Note("n".into()), json!({"event": "note", "note": "n"})),
            (Event::Ending, json!({"event": "ending"})),
            (Event::Publishing, json!({"event": "publishing"})),
            (
                Event::Unsaved { index: 1, id: Some("t".into()), rows: 1, preview },
                json!({"event": "unsaved", "index": 1, "id": "t", "rows": 1,
                       "preview": {"columns": ["n"], "more_columns": 0, "rows": [["1"]]}}),
            ),
            (
                Event::Dropped(DroppedEvents { events: 3, bytes: 4 }),
                json!({"event": "dropped", "events": 3, "bytes": 4}),
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(serde_json::to_value(&event).unwrap(), expected);
        }
    }
}
