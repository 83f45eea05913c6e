//! An engine's events of a container: requested after its end, to find the cause.

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use longshore_engine::Ended;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// The signal by which the kernel kills a process when memory runs out.
pub(super) const SIGKILL: i64 = 9;

/// How long an engine may take to list a container's events.
const EVENTS_DEADLINE: Duration = Duration::from_secs(5);

/// Maximum events read per container: a script causes an `oom` with each process that is killed.
const EVENTS_MAX: usize = 1000;

/// Whether the engine recorded that the kernel killed a process of a container because memory ran out.
pub(super) async fn was_out_of_memory(api: &bollard::Docker, id: &str) -> bool {
    !events(api, id, vec!["oom"]).await.is_empty()
}

/// The sender of the signal that ended the first process of a container.
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

/// The recorded events of a container, of these kinds. They are requested afterwards: an engine keeps its last events,
/// while the container itself no longer exists.
async fn events(api: &bollard::Docker, id: &str, kinds: Vec<&str>) -> Vec<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let until = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
    let filters = HashMap::from([("container", vec![id]), ("event", kinds)]);
    let options = EventsOptionsBuilder::new().since("0").until(&until).filters(&filters).build();
    let events = api.events(Some(options)).take(EVENTS_MAX);
    let actions = events.filter_map(|event| async { event.ok()?.action });
    // An engine that does not answer, or has no such events, gives an empty list.
    tokio::time::timeout(EVENTS_DEADLINE, actions.collect()).await.unwrap_or_default()
}
