//! `/runs/ID`: one run, its outcome first; its log and its record as files; cancelling it.

use crate::page::address::of_block;
use crate::page::frame::{Frame, Section, Visit, quoted, show};
use crate::page::lines::{self, Line, Place, failure};
use crate::page::lookup::find;
use crate::page::plot::Phases;
use crate::page::record::{RecordView, TableRow};
use crate::page::runs::RunRow;
use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use longshore::CancelLevel;
use longshore::history::{End, HistoryEntry, RunHistory, RunState};
use longshore::human::count;
use serde::Deserialize;

/// Lines of a log on a page. A browser stays quick with as many.
const LINES: usize = 5000;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct AskedLog {
    /// The first line that is shown.
    from: Option<usize>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    row: RunRow,
    is_running: bool,
    is_lost: bool,
    source: String,
    message: Option<String>,
    failure: Option<Place>,
    phases: Option<Phases>,
    record: RecordView,
    log: LogView,
    /// How many lines it has, in words.
    log_lines: String,
    build: Vec<Line>,
    /// The block's page, where the host knows it.
    block: Option<String>,
}

impl RunPage {
    /// The block, as a word of a shell.
    fn word(&self) -> String {
        quoted(&self.source)
    }

    /// Title, part of the address, and tables.
    fn tables(&self) -> [(&'static str, &'static str, &[TableRow]); 2] {
        [("Inputs", "inputs", &self.record.inputs), ("Outputs", "outputs", &self.record.outputs)]
    }

    /// The formats in which kept tables can be had.
    fn formats(&self) -> [&'static str; 4] {
        ["csv", "parquet", "arrow", "xlsx"]
    }
}

/// The part of a log that is shown.
#[derive(Debug)]
struct LogView {
    lines: Vec<Line>,
    all: usize,
    /// The first lines of the pages before and after.
    earlier: Option<usize>,
    later: Option<usize>,
    /// Where the stream of news goes on; `None` where the run has ended or the end of the log is not shown.
    position: Option<String>,
}

/// Logs of a run.
#[derive(Default)]
struct Logs {
    build: Vec<u8>,
    script: Vec<u8>,
    position: String,
}

fn logs(history: &RunHistory, run: &HistoryEntry) -> Result<Logs, longshore::history::HistoryError> {
    let mut build = history.build_log_after(run, 0)?;
    let mut script = Vec::new();
    let mut position = 0;
    loop {
        let piece = history.log_after(run, position)?;
        if piece.bytes.is_empty() {
            break;
        }
        if piece.left_out > 0 {
            script.extend_from_slice(format!("… {} bytes are left out here …\n", piece.left_out).as_bytes());
        }
        script.extend_from_slice(&piece.bytes);
        position = piece.position;
    }
    let at = build.position;
    Ok(Logs { build: std::mem::take(&mut build.bytes), script, position: format!("{at}-{position}") })
}

impl LogView {
    fn new(logs: &Logs, asked: &AskedLog, is_running: bool) -> Self {
        let all = lines::count(&logs.script);
        let last_page = all.saturating_sub(1) / LINES * LINES;
        // While it runs, the end is what matters.
        let begin = asked.from.map_or(last_page, |from| from.saturating_sub(1) / LINES * LINES).min(last_page);
        let is_last = begin == last_page;
        Self {
            lines: lines::some_lines(&logs.script, begin, LINES),
            all,
            earlier: begin.checked_sub(LINES).map(|before| before + 1),
            later: (!is_last).then_some(begin + LINES + 1),
            position: (is_running && is_last).then(|| logs.position.clone()),
        }
    }
}

/// The page of a run.
pub(crate) async fn page(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    Query(asked): Query<AskedLog>,
) -> Result<Response, Problem> {
    let part = visit.part;
    let read = move |history: &RunHistory| {
        let run = history.find(&id)?;
        // The page has the log already, and gets its lines from elsewhere.
        let is_known = part && run.state == RunState::Running;
        let logs = if is_known { Logs::default() } else { logs(history, &run)? };
        Ok((run, logs))
    };
    let (run, logs) = web.history(read).await?;
    let (is_running, id) = (run.end() == End::Running, run.run_id.clone());
    let failed = matches!(run.end(), End::Failed);
    let record = RecordView::of(&web, &run).await?;
    let known = {
        let (blocks, source) = (web.blocks.clone(), run.source.clone());
        let looking = tokio::task::spawn_blocking(move || {
            blocks.all().into_iter().find(|block| block.path == source).map(|block| of_block(&block.name))
        });
        looking.await.map_err(|_| Problem::broken())?
    };
    let text = |pointer: &str| run.record.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
    let title = format!("{} · {}", run.block, RunRow::of(&run).short);
    let mut frame = Frame::new(&visit, Some(Section::Runs), title)
        .call("Get the record", "", &format!("/runs/{id}"))
        .call("Follow the log", "-N", &format!("/runs/{id}/log?follow=true"));
    if is_running {
        frame = frame.call("Cancel it", "-X POST", &format!("/runs/{id}/cancel"));
    }
    show(&RunPage {
        frame,
        is_running,
        is_lost: run.end() == End::Lost,
        source: run.source.display().to_string(),
        message: text("/message").or(run.message.clone()).filter(|message| !message.is_empty()),
        failure: if failed { failure(&logs.script) } else { None },
        phases: Phases::of(&run),
        record,
        log_lines: count(lines::count(&logs.script) as u64, "line"),
        log: LogView::new(&logs, &asked, is_running),
        build: lines::lines(&logs.build, 1),
        block: known,
        row: RunRow::of(&run),
    })
}

/// `POST /runs/ID/cancel`.
pub(crate) async fn cancel(State(web): State<Web>, Path(id): Path<String>) -> Result<Response, Problem> {
    let cancelling = move |history: &RunHistory| {
        let run = history.find(&id)?;
        history.cancel(&run, CancelLevel::Gently)?;
        Ok(run.run_id)
    };
    let id = web.history(cancelling).await?;
    Ok(Redirect::to(&format!("/runs/{id}?done=cancel")).into_response())
}

/// `/runs/ID/log`, as it was printed.
pub(crate) async fn log(State(web): State<Web>, Path(id): Path<String>) -> Result<Response, Problem> {
    let read = move |history: &RunHistory| {
        let run = history.find(&id)?;
        Ok((history.log(&run)?, run.run_id))
    };
    let (log, id) = web.history(read).await?;
    Ok(file("text/plain; charset=utf-8", &format!("{id}.log"), log))
}

/// `/runs/ID/record`, as JSON.
pub(crate) async fn record(State(web): State<Web>, Path(id): Path<String>) -> Result<Response, Problem> {
    let run = find(&web, &id).await?;
    let text = longshore::serde_json::to_vec_pretty(&run).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(file("application/json", &format!("{}.json", run.run_id), text))
}

/// A file to keep. Its name is one of ours.
fn file(kind: &'static str, name: &str, contents: Vec<u8>) -> Response {
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let name = name.unwrap_or(HeaderValue::from_static("attachment"));
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, name)], contents)
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_logs_have_pages_of_which_the_last_is_shown() {
        let script: Vec<u8> = (1..=12_000).flat_map(|line| format!("{line}\n").into_bytes()).collect();
        let logs = Logs { build: Vec::new(), script, position: "0-7".into() };
        let view = |from| LogView::new(&logs, &AskedLog { from }, true);
        let last = view(None);
        assert_eq!((last.lines[0].number, last.lines.len(), last.all), (10_001, 2000, 12_000));
        assert_eq!((last.earlier, last.later, last.position.as_deref()), (Some(5001), None, Some("0-7")));
        let first = view(Some(1));
        assert_eq!((first.lines[0].number, first.lines.len()), (1, LINES));
        assert_eq!((first.earlier, first.later, first.position), (None, Some(5001), None));
        assert_eq!(view(Some(5500)).lines[0].number, 5001);
        assert_eq!(view(Some(usize::MAX)).lines[0].number, 10_001);
    }
}
