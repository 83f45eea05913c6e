//! The tables that runs over HTTP have written.

use crate::http::api::{formats, tables};
use crate::problem::Problem;
use crate::web::Web;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use longshore::table::Format;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A kept table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Output {
    /// Its position, from 0.
    index: u32,
    /// Its id in the manifest.
    id: Option<String>,
    /// Its rows; `null` if the record does not say.
    rows: Option<u64>,
    /// Its address.
    href: String,
}

/// Kept tables of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutputList {
    /// The tables, by position.
    outputs: Vec<Output>,
}

/// The format.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Its name, such as `csv` or `parquet`; without it `Accept` counts, and then Arrow streams are sent.
    format: Option<String>,
}

/// List the tables of a run that are kept
#[utoipa::path(get, path = "/runs/{run}/outputs", tag = "runs",
    params(("run" = String, Path, description = "its id or the beginning of it; `last` is the newest")),
    responses((status = 200, body = OutputList), (status = 404, body = Problem)))]
pub(crate) async fn list(State(web): State<Web>, Path(run): Path<String>) -> Result<Json<OutputList>, Problem> {
    let entry = web.history(move |history| history.find(&run)).await?;
    web.outputs().settled(&entry.run_id).await;
    let (outputs, run_id) = (web.outputs().clone(), entry.run_id.clone());
    let numbers = tokio::task::spawn_blocking(move || outputs.of(&run_id)).await.map_err(|_| Problem::broken())?;
    // It may have ended meanwhile.
    let entry = web.history(move |history| history.again(&entry)).await?;
    let recorded = entry.record.as_ref().and_then(|record| record.get("outputs")?.as_array()).into_iter().flatten();
    let recorded: Vec<_> = recorded.collect();
    let output = |index: u32| {
        let found =
            recorded.iter().find(|output| output.get("index").and_then(|known| known.as_u64()) == Some(index.into()));
        let id = found.and_then(|output| Some(output.get("id")?.as_str()?.to_owned()));
        let rows = found.and_then(|output| output.get("rows")?.as_u64());
        Output { index, id, rows, href: format!("/api/v1/runs/{}/outputs/{index}", entry.run_id) }
    };
    Ok(Json(OutputList { outputs: numbers.into_iter().map(output).collect() }))
}

/// A table of a run, in the format that `format` or `Accept` names
#[utoipa::path(get, path = "/runs/{run}/outputs/{output}", tag = "runs",
    params(
        ("run" = String, Path, description = "its id or the beginning of it; `last` is the newest"),
        ("output" = u32, Path, description = "its position, from 0"),
        Asked,
    ),
    responses(
        (status = 200, content_type = "application/vnd.apache.arrow.stream", body = [u8]),
        (status = 404, body = Problem), (status = 406, body = Problem),
    ))]
pub(crate) async fn table(
    State(web): State<Web>,
    Path((run, output)): Path<(String, u32)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = formats::wanted(asked.format.as_deref(), &headers)?.unwrap_or(Format::ArrowStream);
    let entry = web.history(move |history| history.find(&run)).await?;
    tables::answer(&web, entry.run_id, output, format).await
}
