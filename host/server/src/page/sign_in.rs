//! The page on which a browser gives its token.

use crate::page::assets;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn<'a> {
    assets: &'static str,
    next: &'a str,
    wrong: Option<&'a str>,
}

/// The page; `next` is where it leads, `wrong` what was wrong with what was given.
pub(crate) fn sign_in(next: &str, wrong: Option<&str>) -> Response {
    match (SignIn { assets: assets::digest(), next, wrong }).render() {
        Ok(text) => Html(text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
