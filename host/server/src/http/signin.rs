//! Signing in and out: a browser gives a token, or opens a link that can be used once, and has a session from then on.

use crate::http::access::{COOKIE, INVALID, next_address, same_origin, session};
use crate::page;
use crate::problem::Problem;
use crate::web::Web;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

/// What the cookie of a session may be used for: nothing reads it but this host, for requests from its own pages.
const ATTRIBUTES: &str = "; Path=/; HttpOnly; SameSite=Strict";

#[derive(Debug, Deserialize)]
struct Next {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Given {
    token: String,
    next: Option<String>,
}

pub(crate) fn router() -> Router<Web> {
    Router::new()
        .route("/signin", get(form).post(sign_in))
        .route("/signin/{link}", get(by_link))
        .route("/signout", post(sign_out))
}

async fn form(Query(Next { next }): Query<Next>) -> Response {
    page::sign_in(next_address(next.as_deref()), None).into_response()
}

async fn sign_in(State(web): State<Web>, headers: HeaderMap, Form(given): Form<Given>) -> Result<Response, Problem> {
    // Else another site could have a browser work with a session of its own.
    same_origin(&Method::POST, &headers)?;
    let Given { token, next } = given;
    let begun = web.tokens(move |tokens| tokens.begin_session(token.trim())).await?;
    let next = next_address(next.as_deref());
    Ok(match begun {
        Some(session) => (cookie(session.reveal()), Redirect::to(next)).into_response(),
        None => (StatusCode::UNAUTHORIZED, page::sign_in(next, Some(INVALID))).into_response(),
    })
}

async fn by_link(State(web): State<Web>, Path(link): Path<String>) -> Result<Response, Problem> {
    let begun = web.tokens(move |tokens| tokens.begin_session(&link)).await?;
    Ok(match begun {
        Some(session) => (cookie(session.reveal()), Redirect::to("/")).into_response(),
        None => {
            let wrong = "the link was used, or has ended: use a token, or make another link";
            (StatusCode::UNAUTHORIZED, page::sign_in("/", Some(wrong))).into_response()
        }
    })
}

async fn sign_out(State(web): State<Web>, headers: HeaderMap) -> Result<Response, Problem> {
    same_origin(&Method::POST, &headers)?;
    if let Some(session) = session(&headers) {
        web.tokens(move |tokens| tokens.end_session(&session)).await?;
    }
    Ok((cookie("; Max-Age=0"), Redirect::to("/signin")).into_response())
}

fn cookie(value: &str) -> AppendHeaders<[(header::HeaderName, HeaderValue); 1]> {
    let text = format!("{COOKIE}={value}{ATTRIBUTES}");
    // Secrets are hexadecimal digits.
    let value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(COOKIE));
    AppendHeaders([(header::SET_COOKIE, value)])
}
