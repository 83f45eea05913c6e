//! `/runs`: the list, with its filters in the address, and by cursor.

use crate::page::address::component;
use crate::page::frame::{Frame, Section, Visit, show};
use crate::page::live::WATCHED;
use crate::page::words::{Moment, outcome, short, sign, took};
use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use longshore::Day;
use longshore::history::{End, HistoryEntry, Selection};
use serde::Deserialize;

/// Runs of a page.
pub(crate) const PAGE: usize = 50;

/// The newest runs whose blocks the filter offers.
const NEWEST: usize = 1000;

/// What the list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    block: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    rows: Vec<RunRow>,
    states: Vec<(&'static str, bool)>,
    blocks: Vec<String>,
    asked: Asked,
    /// The address of the next page.
    older: Option<String>,
    /// The address without a filter or a cursor, if there is one.
    is_filtered: bool,
    is_first: bool,
    mark: u64,
}

/// A run in a list.
#[derive(Debug)]
pub(crate) struct RunRow {
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) block: String,
    pub(crate) end: &'static str,
    pub(crate) sign: &'static str,
    pub(crate) outcome: String,
    pub(crate) started: Moment,
    pub(crate) took: String,
    pub(crate) message: String,
    /// From 0 to 100, while it runs.
    pub(crate) progress: Option<f64>,
}

/// The most characters of a message in a list.
const MESSAGE_MAX: usize = 200;

impl RunRow {
    pub(crate) fn of(run: &HistoryEntry) -> Self {
        let record = run.record.as_ref();
        let time = record.and_then(|record| record.pointer("/timings_ms/total")?.as_f64());
        let message = record.and_then(|record| record.get("message")?.as_str()).or(run.message.as_deref());
        let line = message.unwrap_or_default().lines().next().unwrap_or_default();
        let end = run.end();
        Self {
            short: short(&run.run_id).to_owned(),
            id: run.run_id.clone(),
            block: run.block.clone(),
            end: end.name(),
            sign: sign(end),
            outcome: outcome(run),
            started: Moment::of_ms(run.started_ms),
            took: time.map_or_else(|| "–".to_owned(), took),
            message: line.chars().take(MESSAGE_MAX).collect(),
            progress: run.progress.filter(|_| end == End::Running).map(|part| part * 100.0),
        }
    }
}

impl Asked {
    /// The selection of the history.
    fn selection(&self) -> Result<Selection, Problem> {
        let end = match self.state.as_str() {
            "" => None,
            name => {
                let end = End::ALL.into_iter().find(|end| end.name() == name);
                let names = End::ALL.map(End::name).join(", ");
                Some(end.ok_or_else(|| Problem::invalid(format!("`{name}` is not a state of a run: {names}")))?)
            }
        };
        let day = match self.day.as_str() {
            "" => None,
            day => Some(day.parse::<Day>().map_err(|error| Problem::invalid(error.to_string()))?),
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let since_ms = day.map(Day::begin_ms);
        let until_ms = since_ms.map(|since| since + 86_400_000);
        Ok(Selection { end, block: text(&self.block), since_ms, until_ms, before: text(&self.before) })
    }

    fn is_filtered(&self) -> bool {
        [&self.state, &self.block, &self.day].iter().any(|filter| !filter.is_empty())
    }

    /// The query of the runs older than one.
    fn older_than(&self, run: &str) -> String {
        let filters = [("state", self.state.as_str()), ("block", &self.block), ("day", &self.day), ("before", run)];
        let pairs = filters.iter().filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{name}={}", component(value))).collect::<Vec<_>>().join("&")
    }
}

/// The list.
pub(crate) async fn page(
    State(web): State<Web>,
    visit: Visit,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let selection = asked.selection()?;
    let read = move |history: &longshore::history::RunHistory| {
        Ok((history.mark(WATCHED)?, history.select(PAGE + 1, &selection)?, history.blocks(NEWEST)?))
    };
    let (mark, mut runs, mut blocks) = web.history(read).await?;
    let has_older = runs.len() > PAGE;
    runs.truncate(PAGE);
    let older = runs.last().filter(|_| has_older).map(|last| format!("/runs?{}", asked.older_than(&last.run_id)));
    if !asked.block.is_empty() {
        blocks.insert(asked.block.clone());
    }
    let frame = Frame::new(&visit, Some(Section::Runs), "Runs").call("List the newest runs", "", "/runs");
    show(&RunsPage {
        frame,
        rows: runs.iter().map(RunRow::of).collect(),
        states: End::ALL.map(|end| (end.name(), asked.state == end.name())).into(),
        blocks: blocks.into_iter().collect(),
        older,
        is_filtered: asked.is_filtered(),
        is_first: asked.before.is_empty(),
        mark,
        asked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_from_the_address_and_wrong_ones_are_named() {
        let asked = |state: &str, day: &str| Asked { state: state.into(), day: day.into(), ..Asked::default() };
        let day = asked("failed", "1970-01-03").selection().unwrap();
        assert_eq!((day.end, day.since_ms, day.until_ms), (Some(End::Failed), Some(172_800_000), Some(259_200_000)));
        let wrong = asked("broken", "").selection().unwrap_err();
        assert_eq!((wrong.status, wrong.detail.starts_with("`broken` is not a state of a run")), (400, true));
        assert!(asked("", "yesterday").selection().is_err());
        let asked = Asked { block: "a&b=<c>".into(), ..Asked::default() };
        assert_eq!(asked.older_than("1-a"), "block=a%26b%3D%3Cc%3E&before=1-a");
    }
}
