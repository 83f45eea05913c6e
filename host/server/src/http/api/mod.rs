//! The REST API below `/api/v1`. Each handler is described where it is, and `/api/v1/openapi.json` is made of these
//! descriptions, so that there is no address without one.

mod about;
mod blank;
mod blocks;
mod cancel;
mod environments;
mod events;
mod form;
mod formats;
mod log;
mod outputs;
mod runs;
mod submit;
mod system;
mod tables;

pub(crate) use submit::begin;

use crate::web::Web;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The path of the API.
const BASE: &str = "/api/v1";

/// The parts of the description that belong to no single handler.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Longshore",
        description = "Runs of Python and R scripts in fresh containers. Errors are `application/problem+json`.",
    ),
    security(("token" = [])),
)]
struct Description;

/// What needs a token.
pub(crate) fn guarded() -> Router<Web> {
    let (router, mut description) =
        OpenApiRouter::with_openapi(Description::openapi()).nest(BASE, described_guarded()).split_for_parts();
    description.merge(OpenApiRouter::new().nest(BASE, described_open()).into_openapi());
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    description.components.get_or_insert_default().add_security_scheme("token", token);
    let description = Json(description);
    router.route("/api/v1/openapi.json", get(async move || description))
}

/// What needs none.
pub(crate) fn open() -> Router<Web> {
    Router::from(OpenApiRouter::new().nest(BASE, described_open()))
}

fn described_guarded() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(about::version))
        .routes(routes!(runs::list, submit::submit))
        .routes(routes!(runs::show, runs::remove))
        .routes(routes!(cancel::cancel))
        .routes(routes!(log::log))
        .routes(routes!(events::events))
        .routes(routes!(outputs::list))
        .routes(routes!(outputs::table))
        .routes(routes!(blocks::list))
        .routes(routes!(blocks::show))
        .routes(routes!(environments::list))
        .routes(routes!(environments::show, environments::remove))
        .routes(routes!(environments::pin, environments::unpin))
        .routes(routes!(system::show))
        .routes(routes!(system::prune))
}

fn described_open() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(about::health))
}
