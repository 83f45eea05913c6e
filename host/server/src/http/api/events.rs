//! A run as server-sent events: what its script prints, its messages, and its end.

use crate::follow::{Following, News};
use crate::http::api::runs::Run;
use crate::problem::Problem;
use crate::web::Web;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use tokio_stream::Stream;
use utoipa::IntoParams;

/// The header in which a browser that connects again names the last event that it has seen.
const LAST: &str = "last-event-id";

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// The bytes of the log that are known already; `Last-Event-ID` counts before it.
    #[serde(default)]
    after: u64,
}

/// Follow a run: server-sent events until it has ended
///
/// `run` events have the run as its address has it, without the record; `log` events what was printed, as
/// `{"text", "left_out", "position"}`, where invalid UTF-8 is replaced; `end` is the last. The id of an event is the position
/// in the log.
#[utoipa::path(get, path = "/runs/{run}/events", tag = "runs",
    params(("run" = String, Path, description = "its id or the beginning of it; `last` is the newest"), From),
    responses((status = 200, body = String, content_type = "text/event-stream"), (status = 404, body = Problem)))]
pub(crate) async fn events(
    State(web): State<Web>,
    Path(run): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let last = headers.get(LAST).and_then(|last| last.to_str().ok()?.parse().ok());
    let entry = web.history(move |history| history.find(&run)).await?;
    let following = Following::new(web, entry, last.unwrap_or(from.after));
    let events = futures_util::stream::unfold(Some((following, Pending::default())), async |state| {
        let (mut following, mut pending) = state?;
        loop {
            if let Some(event) = pending.0.pop() {
                return Some((Ok(event), Some((following, pending))));
            }
            pending = match following.next().await {
                Ok(Some(news)) => Pending::of(news),
                // The host ends, or the run was removed: whoever comes again is told.
                Ok(None) if !following.has_ended() => return None,
                Err(_) => return None,
                Ok(None) => return Some((Ok(Event::default().event("end").data("{}")), None)),
            };
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Events that are to be sent, the last one first.
#[derive(Default)]
struct Pending(Vec<Event>);

impl Pending {
    fn of(News { log, run, .. }: News) -> Self {
        let id = log.position.to_string();
        let run = Event::default().id(&id).event("run").json_data(Run::listed(run));
        let mut events: Vec<Event> = run.into_iter().collect();
        if !log.bytes.is_empty() {
            let text = String::from_utf8_lossy(&log.bytes);
            let data = json!({ "text": text, "left_out": log.left_out, "position": log.position });
            events.extend(Event::default().id(&id).event("log").json_data(data));
        }
        Self(events)
    }
}
