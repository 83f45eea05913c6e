//! What is live on a page, as server-sent events: a run's log and state, changes of the list of runs, new measurements. The
//! page fetches its changed parts anew; the lines of a log come as they are.

use crate::follow::Following;
use crate::page::lines::lines;
use crate::page::lookup::find;
use crate::problem::Problem;
use crate::samples::PAUSE;
use crate::web::Web;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use longshore::Cancel;
use longshore::history::{HistoryEntry, LogPiece, RunState};
use longshore::serde_json::json;
use serde::Deserialize;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

/// How long to wait between two looks at the list.
const LOOK: Duration = Duration::from_millis(250);

/// The newest runs whose changes are told.
pub(crate) const WATCHED: usize = 50;

/// Streams at a time: each looks at the database four times a second, which takes half a millisecond.
static PLACES: Semaphore = Semaphore::const_new(64);

/// How long a browser waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);

/// Events that wait for a browser; what sends them waits then.
const WAITING: usize = 4;

/// The answer with the events of a task, which ends with its reader and with the host.
fn answer<F>(closing: Cancel, work: impl FnOnce(Sender<Event>) -> F) -> Result<Response, Problem>
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(place) = PLACES.try_acquire() else {
        let detail = "too many pages are open: close some, or reload this one to see what is new";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many live pages", detail));
    };
    let (sender, receiver) = channel(WAITING);
    let (gone, working) = (sender.clone(), work(sender));
    // It ends with its reader: nobody waits for it.
    tokio::spawn(async move {
        let _place = place;
        tokio::select! {
            () = working => {}
            () = gone.closed() => {}
            () = closing.cancelled() => {}
        }
    });
    Ok(Sse::new(ReceiverStream::new(receiver).map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// What a page has already.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Since {
    #[serde(default)]
    after: String,
}

impl Since {
    /// The id of the last event that a browser has, or what the page had at first.
    fn last(self, headers: &HeaderMap) -> String {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        last.map_or(self.after, str::to_owned)
    }
}

/// Where a page is in the logs of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    build: u64,
    script: u64,
}

fn position(text: &str) -> Position {
    let (build, script) = text.split_once('-').unwrap_or_default();
    Position { build: build.parse().unwrap_or_default(), script: script.parse().unwrap_or_default() }
}

/// `/runs/ID/events`.
pub(crate) async fn run(
    State(web): State<Web>,
    Path(id): Path<String>,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = find(&web, &id).await?;
    let from = position(&since.last(&headers));
    answer(web.closing.clone(), move |sender| async move {
        let mut following = Following::new(web, run.clone(), from.script).after_build(from.build);
        let mut before = shown(&run);
        while let Ok(Some(news)) = following.next().await {
            let at = format!("{}-{}", news.build.position, news.log.position);
            let mut events = Vec::new();
            events.extend(added("build", &news.build));
            events.extend(added("log", &news.log));
            let now = shown(&news.run);
            if now != before {
                before = now;
                events.push(Event::default().event("changed").data("{}"));
            }
            for event in events {
                if sender.send(event.id(&at).retry(RETRY)).await.is_err() {
                    return;
                }
            }
        }
        // A browser would connect again otherwise. Where the run was removed, the page that it loads says so.
        if following.has_ended() {
            let _ = sender.send(Event::default().event("end").data("{}")).await;
        }
    })
}

/// What a page shows of a run's state.
fn shown(run: &HistoryEntry) -> (RunState, Option<String>, Option<u64>) {
    (run.state, run.message.clone(), run.progress.map(f64::to_bits))
}

/// The lines that a log has gained; whether the last of them goes on.
fn added(name: &str, piece: &LogPiece) -> Option<Event> {
    if piece.bytes.is_empty() {
        return None;
    }
    let mut texts = Vec::new();
    if piece.left_out > 0 {
        texts.push(format!("… {} bytes are left out here …", piece.left_out));
    }
    texts.extend(lines(&piece.bytes, 1).into_iter().map(|line| line.text));
    let goes_on = !piece.bytes.ends_with(b"\n");
    // JSON has no line breaks.
    Some(Event::default().event(name).data(json!({"lines": texts, "open": goes_on}).to_string()))
}

/// `/runs/events`: that the list has changed.
pub(crate) async fn runs(
    State(web): State<Web>,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut known = since.last(&headers);
    let looking = web.clone();
    answer(web.closing.clone(), move |sender| async move {
        loop {
            let Ok(mark) = looking.history(|history| history.mark(WATCHED)).await else { return };
            let mark = mark.to_string();
            if mark != known {
                known.clone_from(&mark);
                let event = Event::default().event("changed").id(mark).retry(RETRY).data("{}");
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

/// `/system/events`: that there is a new measurement.
pub(crate) async fn system(State(web): State<Web>) -> Result<Response, Problem> {
    answer(web.closing.clone(), move |sender| async move {
        loop {
            tokio::time::sleep(PAUSE).await;
            if sender.send(Event::default().event("changed").retry(RETRY).data("{}")).await.is_err() {
                return;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_a_page_are_read_and_wrong_ones_are_the_beginning() {
        assert_eq!(position("12-345"), Position { build: 12, script: 345 });
        for wrong in ["", "-", "x-y", "12", "99999999999999999999-1x"] {
            assert_eq!(position(wrong), Position::default(), "{wrong}");
        }
    }
}
