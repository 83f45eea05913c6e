//! Events as JSON objects, and back: the key `event` names the kind, and the other keys are its values.

use super::{Attended, DroppedEvents, Event, PullStep};
use crate::engine_kind::EngineKind;
use crate::note::Note;
use crate::outcome::Outcome;
use crate::pull_progress::LayerProgress;
use crate::table::Preview;
use longshore_protocol::LogSource;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::time::Duration;

/// An event, with a name for each value.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Named<'a> {
    Begun {
        run_id: Cow<'a, str>,
    },
    Engine {
        engine: EngineKind,
        note: Option<Cow<'a, str>>,
    },
    Building {
        line: Cow<'a, str>,
    },
    Built {
        line: Cow<'a, str>,
    },
    Pulling {
        image: Cow<'a, str>,
        #[serde(flatten)]
        step: Step<'a>,
    },
    Queued {
        place: u64,
    },
    Connected,
    Attended {
        container: Option<Cow<'a, str>>,
        folder: Cow<'a, str>,
    },
    Started,
    Step {
        step: Cow<'a, str>,
        run_id: Cow<'a, str>,
        outcome: Option<Outcome>,
    },
    Log {
        source: LogSource,
        text: Cow<'a, str>,
    },
    Reading {
        input: u32,
    },
    Message {
        text: Cow<'a, str>,
    },
    Progress {
        fraction: f64,
        text: Option<Cow<'a, str>>,
    },
    Error {
        text: Cow<'a, str>,
    },
    Note {
        note: Cow<'a, Note>,
    },
    Ending,
    Publishing,
    Unsaved {
        index: u32,
        id: Option<Cow<'a, str>>,
        rows: u64,
        preview: Cow<'a, Preview>,
    },
    Dropped {
        events: u64,
        bytes: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Step<'a> {
    Begun { registry: Cow<'a, str>, attempt: u32 },
    Layer { layer: Cow<'a, LayerProgress> },
    Failed { attempt: u32, reason: Cow<'a, str>, delay_ms: u64 },
    Pulled,
}

impl Serialize for Event {
    fn serialize<Into: Serializer>(&self, serializer: Into) -> Result<Into::Ok, Into::Error> {
        Named::from(self).serialize(serializer)
    }
}

impl<'a> Deserialize<'a> for Event {
    fn deserialize<From: Deserializer<'a>>(deserializer: From) -> Result<Self, From::Error> {
        Named::deserialize(deserializer).map(Into::into)
    }
}

impl<'a> From<&'a Event> for Named<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Begun { run_id } => Self::Begun { run_id: run_id.into() },
            Event::Engine { engine, note } => Self::Engine { engine: *engine, note: text(note.as_ref()) },
            Event::Building { line } => Self::Building { line: line.into() },
            Event::Built { line } => Self::Built { line: line.into() },
            Event::Pulling { image, step } => Self::Pulling { image: image.into(), step: step.into() },
            Event::Queued { place } => Self::Queued { place: *place },
            Event::Connected => Self::Connected,
            // Values of its environment may be secret.
            Event::Attended(place) => {
                Self::Attended { container: text(place.container.as_ref()), folder: (&place.folder).into() }
            }
            Event::Started => Self::Started,
            Event::Step { step, run_id, outcome } => {
                Self::Step { step: step.into(), run_id: run_id.into(), outcome: *outcome }
            }
            Event::Log { source, bytes } => Self::Log { source: *source, text: String::from_utf8_lossy(bytes) },
            Event::Reading { input } => Self::Reading { input: *input },
            Event::Message(text) => Self::Message { text: text.into() },
            Event::Progress { fraction, text: said } => {
                Self::Progress { fraction: *fraction, text: text(said.as_ref()) }
            }
            Event::Error(text) => Self::Error { text: text.into() },
            Event::Note(note) => Self::Note { note: Cow::Borrowed(note) },
            Event::Ending => Self::Ending,
            Event::Publishing => Self::Publishing,
            Event::Unsaved { index, id, rows, preview } => {
                Self::Unsaved { index: *index, id: text(id.as_ref()), rows: *rows, preview: Cow::Borrowed(preview) }
            }
            Event::Dropped(dropped) => Self::Dropped { events: dropped.events, bytes: dropped.bytes },
        }
    }
}

impl<'a> From<&'a PullStep> for Step<'a> {
    fn from(step: &'a PullStep) -> Self {
        match step {
            PullStep::Begun { registry, attempt } => Self::Begun { registry: registry.into(), attempt: *attempt },
            PullStep::Layer(layer) => Self::Layer { layer: Cow::Borrowed(layer) },
            PullStep::Failed { attempt, reason, delay } => {
                let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                Self::Failed { attempt: *attempt, reason: reason.into(), delay_ms }
            }
            PullStep::Pulled => Self::Pulled,
        }
    }
}

fn text(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(Into::into)
}

/// What JSON does not carry is left out: bytes of a log that are not text, and how a container is entered.
impl From<Named<'_>> for Event {
    fn from(named: Named<'_>) -> Self {
        match named {
            Named::Begun { run_id } => Self::Begun { run_id: run_id.into_owned() },
            Named::Engine { engine, note } => Self::Engine { engine, note: note.map(Cow::into_owned) },
            Named::Building { line } => Self::Building { line: line.into_owned() },
            Named::Built { line } => Self::Built { line: line.into_owned() },
            Named::Pulling { image, step } => Self::Pulling { image: image.into_owned(), step: step.into() },
            Named::Queued { place } => Self::Queued { place },
            Named::Connected => Self::Connected,
            Named::Attended { container, folder } => Self::Attended(Box::new(Attended {
                container: container.map(Cow::into_owned),
                ..Attended::new(folder.into_owned(), String::new())
            })),
            Named::Started => Self::Started,
            Named::Step { step, run_id, outcome } => {
                Self::Step { step: step.into_owned(), run_id: run_id.into_owned(), outcome }
            }
            Named::Log { source, text } => Self::Log { source, bytes: text.into_owned().into_bytes() },
            Named::Reading { input } => Self::Reading { input },
            Named::Message { text } => Self::Message(text.into_owned()),
            Named::Progress { fraction, text } => Self::Progress { fraction, text: text.map(Cow::into_owned) },
            Named::Error { text } => Self::Error(text.into_owned()),
            Named::Note { note } => Self::Note(note.into_owned()),
            Named::Ending => Self::Ending,
            Named::Publishing => Self::Publishing,
            Named::Unsaved { index, id, rows, preview } => {
                Self::Unsaved { index, id: id.map(Cow::into_owned), rows, preview: preview.into_owned() }
            }
            Named::Dropped { events, bytes } => Self::Dropped(DroppedEvents { events, bytes }),
        }
    }
}

impl From<Step<'_>> for PullStep {
    fn from(step: Step<'_>) -> Self {
        match step {
            Step::Begun { registry, attempt } => Self::Begun { registry: registry.into_owned(), attempt },
            Step::Layer { layer } => Self::Layer(layer.into_owned()),
            Step::Failed { attempt, reason, delay_ms } => {
                Self::Failed { attempt, reason: reason.into_owned(), delay: Duration::from_millis(delay_ms) }
            }
            Step::Pulled => Self::Pulled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull_progress::LayerStatus;
    use serde_json::json;

    #[test]
    fn each_event_is_an_object_with_its_kind() {
        let image = || "x:1".to_owned();
        let layer = LayerProgress { id: "a".into(), status: LayerStatus::Downloading, current: 1, total: None };
        let preview = Preview { columns: vec!["n".into()], more_columns: 0, rows: vec![vec![Some("1".into())]] };
        let failed = PullStep::Failed { attempt: 1, reason: "reset".into(), delay: Duration::from_secs(2) };
        let cases = [
            (Event::Begun { run_id: "1-a".into() }, json!({"event": "begun", "run_id": "1-a"})),
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
            (Event::Queued { place: 3 }, json!({"event": "queued", "place": 3})),
            (Event::Connected, json!({"event": "connected"})),
            (Event::Started, json!({"event": "started"})),
            (
                Event::Step { step: "a".into(), run_id: "r".into(), outcome: Some(Outcome::Failed) },
                json!({"event": "step", "step": "a", "run_id": "r", "outcome": "failed"}),
            ),
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
            let read: Event = serde_json::from_value(expected.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), expected);
        }
    }
}
