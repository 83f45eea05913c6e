//! What an engine saw happen to a container: asked afterwards, to tell who ended it.

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use longshore_engine::Ended;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// What ends a process for want of memory.
pub(super) const SIGKILL: i64 = 9;

/// How long an engine may take to say what happened to a container.
const EVENTS_DEADLINE: Duration = Duration::from_secs(5);

/// Events of one container that are looked at: a script makes an `oom` with each process that it loses.
const EVENTS_MAX: usize = 1000;

/// Whether the engine saw the kernel kill something of a container for want of memory.
pub(super) async fn was_out_of_memory(api: &bollard::Docker, id: &str) -> bool {
    !events(api, id, vec!["oom"]).await.is_empty()
}

/// What sent the signal that ended the first process of a container.
pub(super) async fn who_killed(api: &bollard::Docker, id: &str) -> Ended {
    let seen = events(api, id, vec!["oom", "kill"]).await;
    if seen.iter().any(|event| event == "oom") {
        Ended::OutOfMemory
    } else if seen.is_empty() {
        Ended::Killed(SIGKILL)
    } else {
        Ended::Stopped
    }
}

/// What the engine saw happen to a container, of these kinds. It is asked afterwards: an engine remembers its last events,
/// and the container itself is gone.
async fn events(api: &bollard::Docker, id: &str, kinds: Vec<&str>) -> Vec<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let until = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
    let filters = HashMap::from([("container", vec![id]), ("event", kinds)]);
    let options = EventsOptionsBuilder::new().since("0").until(&until).filters(&filters).build();
    let events = api.events(Some(options)).take(EVENTS_MAX);
    let actions = events.filter_map(|event| async { event.ok()?.action });
    // An engine that does not answer, or knows no such events, says nothing of it.
    tokio::time::timeout(EVENTS_DEADLINE, actions.collect()).await.unwrap_or_default()
}
