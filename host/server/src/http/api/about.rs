//! Whether the host is there, and which it is.

use crate::problem::Problem;
use crate::web::Web;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A host that answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// The host's program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
}

/// Whether the host is there and takes runs
#[utoipa::path(get, path = "/health", tag = "host", security(()), responses(
    (status = 200, description = "it does", body = Health),
    (status = 503, description = "it is shutting down", body = Problem),
))]
pub(crate) async fn health(State(web): State<Web>) -> Result<Json<Health>, Problem> {
    if web.closing.is_cancelled() { Err(Problem::closing()) } else { Ok(Json(Health { status: "ok" })) }
}

/// The host's version
#[utoipa::path(get, path = "/version", tag = "host", responses((status = 200, body = Version)))]
pub(crate) async fn version(State(web): State<Web>) -> Json<Version> {
    Json(Version { name: web.software.name.clone(), version: web.software.version.clone() })
}
