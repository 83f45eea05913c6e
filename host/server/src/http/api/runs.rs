//! Runs of the history: list, show, remove.

use crate::problem::Problem;
use crate::web::Web;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use longshore::history::{End, HistoryEntry, RunState, Selection};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::{IntoParams, ToSchema};

/// Runs of one answer, unless it is asked for others.
const LIMIT: usize = 50;

/// The most runs of one answer.
const LIMIT_MAX: usize = 1000;

/// A run of the history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Its id.
    run_id: String,
    /// The block's name.
    block: String,
    /// The block's folder or script.
    #[schema(value_type = String)]
    source: PathBuf,
    /// `running`, `ended`, or `lost` if its host was killed before it ended.
    state: &'static str,
    /// How it ended, such as `succeeded`; `null` unless it has ended.
    outcome: Option<String>,
    /// When it began, in milliseconds since 1970.
    started_ms: u64,
    /// The last message of a running script; of a run that waits, its place; of one that has ended, its final message or why it did not succeed.
    message: Option<String>,
    /// The progress of a running script, from 0 to 1.
    progress: Option<f64>,
    /// All that is known of how it went, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    record: Option<serde_json::Value>,
}

impl Run {
    /// A run with its record.
    pub(super) fn whole(entry: HistoryEntry) -> Self {
        let outcome = entry.outcome().map(str::to_owned);
        let state = match entry.state {
            RunState::Running => "running",
            RunState::Ended => "ended",
            RunState::Lost => "lost",
        };
        let of_record = || Some(entry.record.as_ref()?.get("message")?.as_str()?.to_owned());
        let message = entry.message.clone().or_else(of_record);
        let HistoryEntry { run_id, block, source, started_ms, progress, record, .. } = entry;
        Self { run_id, block, source, state, outcome, started_ms, message, progress, record }
    }

    /// A run of a list.
    pub(super) fn listed(entry: HistoryEntry) -> Self {
        Self { record: None, ..Self::whole(entry) }
    }
}

/// The newest runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunList {
    /// The runs, the newest first, without their records.
    runs: Vec<Run>,
    /// The value of `before` for the next ones; `null` if there are none.
    next: Option<String>,
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// How many at most: 1 to 1000, by default 50.
    limit: Option<usize>,
    /// Only those of this state: `running`, `succeeded`, `failed`, `cancelled` or `lost`.
    state: Option<String>,
    /// Only those of blocks with this name.
    block: Option<String>,
    /// Only those that are older than the run with this id.
    before: Option<String>,
}

/// List runs, the newest first
#[utoipa::path(get, path = "/runs", tag = "runs", params(Asked), responses((status = 200, body = RunList)))]
pub(crate) async fn list(State(web): State<Web>, Query(asked): Query<Asked>) -> Result<Json<RunList>, Problem> {
    let limit = asked.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("`limit` must be from 1 to {LIMIT_MAX}")));
    }
    let named = |name: &String| {
        let names = End::ALL.map(End::name).join("`, `");
        let end = End::ALL.into_iter().find(|end| end.name() == name);
        end.ok_or_else(|| Problem::invalid(format!("`state`: `{name}` is none of `{names}`")))
    };
    let end = asked.state.as_ref().map(named).transpose()?;
    let selection = Selection { end, block: asked.block, before: asked.before, ..Selection::default() };
    // One more than is shown says whether there are more.
    let mut runs = web.history(move |history| history.select(limit + 1, &selection)).await?;
    let has_more = runs.len() > limit;
    runs.truncate(limit);
    let next = runs.last().filter(|_| has_more).map(|run| run.run_id.clone());
    Ok(Json(RunList { runs: runs.into_iter().map(Run::listed).collect(), next }))
}

/// Show a run, with its record once it has ended
#[utoipa::path(get, path = "/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "its id or the beginning of it; `last` is the newest")),
    responses((status = 200, body = Run), (status = 404, body = Problem)))]
pub(crate) async fn show(State(web): State<Web>, Path(run): Path<String>) -> Result<Json<Run>, Problem> {
    let entry = web.history(move |history| history.find(&run)).await?;
    Ok(Json(Run::whole(entry)))
}

/// Remove a run that has ended, with its record, its log and its tables
#[utoipa::path(delete, path = "/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "its id or the beginning of it")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn remove(State(web): State<Web>, Path(run): Path<String>) -> Result<StatusCode, Problem> {
    let run_id = web
        .history(move |history| {
            let entry = history.find(&run)?;
            history.remove(&entry).map(|()| entry.run_id)
        })
        .await?;
    let outputs = web.outputs().clone();
    let removing = tokio::task::spawn_blocking(move || outputs.remove(&run_id)).await;
    let removed = removing.map_err(|_| Problem::broken())?;
    removed.map_err(|error| Problem::internal(format!("cannot remove the run's tables: {error}")))?;
    Ok(StatusCode::NO_CONTENT)
}
