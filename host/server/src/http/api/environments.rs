//! The environments that blocks run in: list, show, pin, remove.

use crate::problem::Problem;
use crate::web::Web;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use longshore::images::ImageEntry;
use serde::Serialize;
use utoipa::ToSchema;

/// Environments, and the disk that they take.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentList {
    /// The environments.
    #[schema(value_type = Vec<Object>)]
    environments: Vec<ImageEntry>,
    /// Bytes that they add to their bases, which is what counts.
    added_bytes: u64,
    /// Bytes that they may take before those that were not used for longest are removed.
    budget_bytes: u64,
}

/// List the environments of this machine
#[utoipa::path(get, path = "/environments", tag = "environments",
    responses((status = 200, body = EnvironmentList), (status = 503, description = "no engine answers", body = Problem)))]
pub(crate) async fn list(State(web): State<Web>) -> Result<Json<EnvironmentList>, Problem> {
    let images = web.host().images().await?;
    let environments = images.list().await?;
    let added_bytes = environments.iter().map(|entry| entry.added_bytes).sum();
    Ok(Json(EnvironmentList { environments, added_bytes, budget_bytes: images.budget() }))
}

/// Show an environment
#[utoipa::path(get, path = "/environments/{environment}", tag = "environments",
    params(("environment" = String, Path, description = "its hash or the beginning of it, or a name; a slash in it is written as `%2F`")),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn show(State(web): State<Web>, Path(name): Path<String>) -> Result<Json<ImageEntry>, Problem> {
    Ok(Json(web.host().images().await?.find(&name).await?))
}

/// Remove an environment that nothing uses
#[utoipa::path(delete, path = "/environments/{environment}", tag = "environments",
    params(("environment" = String, Path, description = "its hash or the beginning of it")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn remove(State(web): State<Web>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let images = web.host().images().await?;
    let entry = images.find(&name).await?;
    images.remove(&entry.hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pin an environment: it stays whatever the budget is
#[utoipa::path(put, path = "/environments/{environment}/pin", tag = "environments",
    params(("environment" = String, Path, description = "its hash or the beginning of it")),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn pin(State(web): State<Web>, Path(name): Path<String>) -> Result<Json<ImageEntry>, Problem> {
    Ok(Json(web.host().images().await?.pin(&name).await?))
}

/// Unpin an environment: it may be removed again
#[utoipa::path(delete, path = "/environments/{environment}/pin", tag = "environments",
    params(("environment" = String, Path, description = "its hash or the beginning of it")),
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn unpin(State(web): State<Web>, Path(name): Path<String>) -> Result<Json<ImageEntry>, Problem> {
    Ok(Json(web.host().images().await?.unpin(&name).await?))
}
