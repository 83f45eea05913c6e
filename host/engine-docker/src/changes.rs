//! The changes of an engine that stays connected, from the stream of its events.

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use longshore_engine::EngineChange;
use std::collections::HashMap;
use std::future::ready;
use std::time::{Duration, SystemTime};

/// How much earlier than the connection the events begin: the engine's clock may differ by the precision of its numbers.
const EARLIER: Duration = Duration::from_secs(1);

/// The changes of an engine since `connected`, until its events end. Events that it keeps from before it was asked are
/// among them, so that none is missed in between.
pub(super) fn changes(api: bollard::Docker, connected: SystemTime) -> BoxStream<'static, EngineChange> {
    let since = connected.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().saturating_sub(EARLIER);
    let since = format!("{}.{:09}", since.as_secs(), since.subsec_nanos());
    let filters = HashMap::from([("type", vec!["image", "daemon"])]);
    let options = EventsOptionsBuilder::new().since(&since).filters(&filters).build();
    let events = api.events(Some(options)).map(|event| event.ok().map(change));
    events.take_while(|change| ready(change.is_some())).filter_map(ready).boxed()
}

/// The change that an event tells.
fn change(event: EventMessage) -> EngineChange {
    match event.typ {
        Some(EventMessageTypeEnum::IMAGE) => EngineChange::Images,
        // Such as another container runtime, after a reload.
        _ => EngineChange::Configuration,
    }
}
