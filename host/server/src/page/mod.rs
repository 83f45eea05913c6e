//! The pages: what runs and has run, blocks with a form that runs them, environments, the system. `frame` is around each,
//! and shows every text, never interprets it; templates are checked when they are compiled. They work without script;
//! `assets` has the script that makes them better, and `live` what it listens to.

mod address;
mod assets;
mod blocks;
mod environment;
mod environments;
mod frame;
mod home;
mod lines;
mod live;
mod lookup;
mod plot;
mod problem;
mod record;
mod run;
mod runs;
mod sign_in;
mod system;
mod table;
mod words;

pub(crate) use problem::error;
pub(crate) use sign_in::sign_in;

use crate::web::Web;
use axum::Router;
use axum::routing::{get, post};

/// The pages that need a session.
pub(crate) fn router() -> Router<Web> {
    Router::new()
        .route("/", get(home::page))
        .route("/runs", get(runs::page))
        .route("/runs/events", get(live::runs))
        .route("/runs/{id}", get(run::page))
        .route("/runs/{id}/cancel", post(run::cancel))
        .route("/runs/{id}/events", get(live::run))
        .route("/runs/{id}/log", get(run::log))
        .route("/runs/{id}/record", get(run::record))
        .route("/runs/{id}/inputs/{number}", get(table::input))
        .route("/runs/{id}/outputs/{number}", get(table::output))
        .route("/runs/{id}/outputs/{number}/file", get(table::file))
        .route("/blocks", get(blocks::page))
        .route("/blocks/{*name}", get(blocks::block))
        .route("/environments", get(environments::page))
        .route("/environments/compare", get(environments::compare))
        .route("/environments/{hash}", get(environment::page))
        .route("/environments/{hash}/pin", post(environment::pin))
        .route("/environments/{hash}/unpin", post(environment::unpin))
        .route("/environments/{hash}/delete", post(environment::delete))
        .route("/system", get(system::page))
        .route("/system/checks", get(system::checks))
        .route("/system/events", get(live::system))
        .route("/system/prune", post(system::prune))
        .route("/system/drain", post(system::drain))
}

/// What needs none.
pub(crate) fn assets() -> Router<Web> {
    Router::new().route("/assets/{hash}/{name}", get(assets::asset))
}
