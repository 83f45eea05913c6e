//! All addresses, and the layers around them.

use crate::http::access::{self, accepts_page};
use crate::http::metrics::{count, metrics};
use crate::http::protect::protect;
use crate::http::{api, signin};
use crate::page;
use crate::problem::Problem;
use crate::web::Web;
use crate::who::Who;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Multipart, Request, State};
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

/// The most bytes of a body: a form with tables of 64 GiB. What is received is on a disk, which may be full before.
const BODY_MAX: usize = 64 << 30;

/// The service of all requests.
pub(crate) fn router(web: Web) -> Router {
    let form = Router::new().route("/blocks/{*name}", post(begin));
    let forms = api::guarded().merge(form).layer(DefaultBodyLimit::max(BODY_MAX));
    let guarded = forms.merge(page::router()).route("/metrics", get(metrics)).fallback(nothing);
    let guarded = guarded.layer(from_fn_with_state(web.clone(), access::guard));
    let open = api::open().merge(signin::router()).merge(page::assets());
    open.merge(guarded)
        .layer(from_fn_with_state(web.clone(), count))
        .layer(from_fn(as_problem))
        .layer(from_fn(as_page))
        .layer(from_fn(protect))
        .with_state(web)
}

/// Starts the run that the form of a block's page asks for, and leads to its page.
async fn begin(
    State(web): State<Web>,
    Extension(who): Extension<Who>,
    multipart: Multipart,
) -> Result<Redirect, Problem> {
    let run_id = api::begin(&web, who, multipart).await?;
    Ok(Redirect::to(&format!("/runs/{run_id}")))
}

async fn nothing(uri: Uri) -> Problem {
    Problem::unknown(format!("there is nothing at `{}`", uri.path()))
}

/// Most bytes of an answer of the framework's: a sentence.
const SENTENCE_MAX: usize = 16 << 10;

/// Makes problems of what the framework itself refuses: addresses, methods and values that are not valid.
async fn as_problem(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    // Problems and pages are what they are.
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !is_error || kind.is_some_and(|kind| !kind.starts_with(b"text/plain")) {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let sentence = to_bytes(response.into_body(), SENTENCE_MAX).await.unwrap_or_default();
    let reason = status.canonical_reason().unwrap_or("refused");
    let detail = if sentence.is_empty() { reason.into() } else { String::from_utf8_lossy(&sentence) };
    let mut problem = Problem::new(status, reason, detail).into_response();
    problem.headers_mut().extend(allowed.map(|allowed| (header::ALLOW, allowed)));
    problem
}

/// Makes pages of errors where a browser asked for a page.
async fn as_page(request: Request, next: Next) -> Response {
    let is_page = accepts_page(request.headers());
    let response = next.run(request).await;
    match response.extensions().get::<Problem>() {
        Some(problem) if is_page => page::error(problem.clone()).into_response(),
        _ => response,
    }
}
