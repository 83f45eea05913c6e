//! The pages.

use crate::problem::Problem;
use crate::web::Web;
use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn<'a> {
    next: &'a str,
    wrong: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    problem: Problem,
}

/// The pages that need a session.
pub(crate) fn router() -> Router<Web> {
    Router::new().route("/", get(async || Html("")))
}

/// What needs none.
pub(crate) fn assets() -> Router<Web> {
    Router::new()
}

/// The sign-in.
pub(crate) fn sign_in(next: &str, wrong: Option<&str>) -> Response {
    rendered(StatusCode::OK, &SignIn { next, wrong })
}

/// An error.
pub(crate) fn error(problem: Problem) -> Response {
    rendered(problem.status(), &ProblemPage { problem })
}

fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
