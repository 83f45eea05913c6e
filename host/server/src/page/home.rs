//! `/`: what needs attention.

use crate::page::frame::{Frame, Section, Visit, show};
use crate::page::live::WATCHED;
use crate::page::runs::RunRow;
use crate::page::words::percent;
use crate::problem::Problem;
use crate::samples::today_ms;
use crate::web::Web;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use longshore::history::{End, Ends, RunHistory, Selection};
use longshore::human::size;

/// Runs of each kind that are shown.
const SHOWN: usize = 8;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    today: Ends,
    failed: Vec<RunRow>,
    running: Vec<RunRow>,
    newest: Vec<RunRow>,
    disk: Option<Disk>,
    mark: u64,
    /// This day, in UTC.
    day: String,
}

/// The disk of environments, as it was measured last.
struct Disk {
    used: String,
    budget: String,
    percent: f64,
    is_full: bool,
}

/// The overview.
pub(crate) async fn page(State(web): State<Web>, visit: Visit) -> Result<Response, Problem> {
    let since = today_ms();
    let read = move |history: &RunHistory| {
        let of = |end: Option<End>, since_ms| Selection { end, since_ms, ..Selection::default() };
        let (failed, lost) = (of(Some(End::Failed), Some(since)), of(Some(End::Lost), Some(since)));
        let mut failed = [history.select(SHOWN, &failed)?, history.select(SHOWN, &lost)?].concat();
        failed.sort_by(|one, other| other.run_id.cmp(&one.run_id));
        failed.truncate(SHOWN);
        let running = history.select(SHOWN, &of(Some(End::Running), None))?;
        let newest = history.select(SHOWN, &of(None, None))?;
        Ok((history.ends_since(since)?, failed, running, newest, history.mark(WATCHED)?))
    };
    let (today, failed, running, newest, mark) = web.history(read).await?;
    let budget = web.host().settings().images.disk_budget;
    let disk = web.samples.disk().map(|used| Disk {
        used: size(used),
        budget: size(budget),
        percent: percent(used, budget),
        is_full: used > budget,
    });
    let frame = Frame::new(&visit, Some(Section::Home), "Overview").call("List the newest runs", "", "/runs").call(
        "Whether the host answers",
        "",
        "/health",
    );
    let rows = |runs: &[longshore::history::HistoryEntry]| runs.iter().map(RunRow::of).collect();
    let day = longshore::Day::of(std::time::SystemTime::now()).to_string();
    let (failed, running, newest) = (rows(&failed), rows(&running), rows(&newest));
    show(&HomePage { frame, today, failed, running, newest, disk, mark, day })
}
