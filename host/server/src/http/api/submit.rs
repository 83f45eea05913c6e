//! Asking for a run: answered at once with its address, or at its end with its record or a table.

use crate::http::api::blank::Blank;
use crate::http::api::runs::Run;
use crate::http::api::{form, formats, tables};
use crate::problem::Problem;
use crate::start::{CancelOnDrop, StartedRun};
use crate::web::Web;
use crate::who::Who;
use axum::extract::{Multipart, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use longshore::RunRecord;
use longshore::table::Format;
use longshore_protocol::Rejection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The header of answers that names the run.
const RUN: HeaderName = HeaderName::from_static("longshore-run");

/// How it is answered.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Answer once the run has ended, with the run. A peer that goes away meanwhile cancels it.
    #[serde(default)]
    wait: bool,
    /// Answer once the run has ended, with a table in this format, as if `Accept` named it.
    format: Option<String>,
    /// Which table, by position; by default the first.
    output: Option<u32>,
}

/// A run that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// Its id.
    run_id: String,
    /// Its address.
    href: String,
}

/// Start a run
///
/// Answered at once with the run's address; with `wait`, at its end with the run; and where `Accept` names a format of
/// tables, at its end with the table that it has written.
#[utoipa::path(post, path = "/runs", tag = "runs", params(Asked),
    request_body(content = form::RunForm, content_type = "multipart/form-data"),
    responses(
        (status = 202, description = "it has begun", body = Accepted),
        (status = 200, description = "with `wait`, or a table", body = Run),
        (status = 400, description = "the form is not valid", body = Problem),
        (status = 422, description = "the run cannot be made, or with a table: it did not succeed", body = Problem),
        (status = 429, description = "too many runs wait; `Retry-After` says when to ask again", body = Problem),
        (status = 503, body = Problem),
    ))]
pub(crate) async fn submit(
    State(web): State<Web>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    multipart: Multipart,
) -> Result<Response, Problem> {
    if web.closing.is_cancelled() {
        return Err(Problem::closing());
    }
    let wanted = formats::wanted(asked.format.as_deref(), &headers)?;
    // As a media type, JSON is the run and no table.
    let table = wanted.filter(|format| asked.format.is_some() || *format != Format::Json);
    let gathered = form::received(&web, multipart, Blank::Given).await?;
    let StartedRun { run_id, cancel, ended } = web.starter.start(gathered, who).await.map_err(refused)?;
    let named = [(RUN, run_id.clone())];
    if table.is_none() && !asked.wait {
        let href = format!("/api/v1/runs/{run_id}");
        let located = [(header::LOCATION, href.clone())];
        return Ok((StatusCode::ACCEPTED, named, located, Json(Accepted { run_id, href })).into_response());
    }
    let mut watching = CancelOnDrop(Some(cancel));
    let record = ended.await.map_err(|_| Problem::broken())?;
    watching.0 = None;
    let Some(format) = table else {
        let id = run_id.clone();
        let entry = web.history(move |history| history.find(&id)).await?;
        return Ok((named, Json(Run::whole(entry))).into_response());
    };
    if !record.outcome.is_success() {
        return Err(failed(run_id, &record));
    }
    let first = record.outputs.iter().map(|output| output.index).min();
    let Some(number) = asked.output.or(first) else {
        let detail = "the run succeeded and has written no table";
        return Err(Problem {
            run_id: Some(run_id),
            ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no table", detail)
        });
    };
    let answer = tables::answer(&web, run_id, number, format).await?;
    Ok((named, answer).into_response())
}

/// Starts what the form of a page asks for, which has an empty field for each value that is not given. Returns the run's id.
pub(crate) async fn begin(web: &Web, who: Who, multipart: Multipart) -> Result<String, Problem> {
    if web.closing.is_cancelled() {
        return Err(Problem::closing());
    }
    let gathered = form::received(web, multipart, Blank::Unset).await?;
    Ok(web.starter.start(gathered, who).await.map_err(refused)?.run_id)
}

/// A run that cannot be made.
pub(crate) fn refused(rejection: Rejection) -> Problem {
    let detail = rejection.problems.join("; ");
    if rejection.busy {
        return Problem::busy(detail);
    }
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the run cannot be made", detail);
    Problem { problems: rejection.problems, ..problem }
}

fn failed(run_id: String, record: &RunRecord) -> Problem {
    let outcome = record.outcome.name();
    let detail = record.message.clone().unwrap_or_else(|| outcome.clone());
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the run did not succeed", detail);
    Problem { run_id: Some(run_id), outcome: Some(outcome), ..problem }
}
