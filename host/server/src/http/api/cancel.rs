//! Cancelling runs, whichever process of this user they belong to.

use crate::problem::Problem;
use crate::web::Web;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use longshore::CancelLevel;
use serde::Deserialize;
use utoipa::IntoParams;

/// How.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct How {
    /// Kill the script at once instead of interrupting it.
    #[serde(default)]
    now: bool,
}

/// Request that a run is cancelled: it ends within seconds
#[utoipa::path(post, path = "/runs/{run}/cancel", tag = "runs",
    params(("run" = String, Path, description = "its id or the beginning of it"), How),
    responses((status = 202, description = "it is requested"), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn cancel(
    State(web): State<Web>,
    Path(run): Path<String>,
    Query(how): Query<How>,
) -> Result<StatusCode, Problem> {
    let level = if how.now { CancelLevel::AtOnce } else { CancelLevel::Gently };
    web.history(move |history| history.cancel(&history.find(&run)?, level)).await?;
    Ok(StatusCode::ACCEPTED)
}
