//! The page on which a browser gives its token.

use crate::page::assets;
use crate::page::frame::show;
use askama::Template;
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn<'a> {
    assets: String,
    next: &'a str,
    wrong: Option<&'a str>,
}

/// The page; `next` is where it leads, `wrong` what was wrong with what was given.
pub(crate) fn sign_in(next: &str, wrong: Option<&str>) -> Response {
    let page = SignIn { assets: assets::digest(), next, wrong };
    show(&page).unwrap_or_else(IntoResponse::into_response)
}
