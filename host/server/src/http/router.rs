//! All addresses, and the layers around them.

use crate::http::access::{self, wants_page};
use crate::http::protect::protect;
use crate::http::{api, signin};
use crate::page;
use crate::problem::Problem;
use crate::web::Web;
use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};

/// The service of all requests.
pub(crate) fn router(web: Web) -> Router {
    let guarded = api::guarded().merge(page::router()).fallback(nothing);
    let guarded = guarded.layer(from_fn_with_state(web.clone(), access::guard));
    let open = api::open().merge(signin::router()).merge(page::assets());
    open.merge(guarded).layer(from_fn(as_page)).layer(from_fn(protect)).with_state(web)
}

async fn nothing(uri: Uri) -> Problem {
    Problem::unknown(format!("there is nothing at `{}`", uri.path()))
}

/// Makes pages of errors where a browser asked for a page.
async fn as_page(request: Request, next: Next) -> Response {
    let is_page = wants_page(request.method(), request.headers());
    let response = next.run(request).await;
    match response.extensions().get::<Problem>() {
        Some(problem) if is_page => page::error(problem.clone()).into_response(),
        _ => response,
    }
}
