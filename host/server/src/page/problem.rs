//! An error as a page.

use crate::page::frame::{Frame, Visit, show};
use crate::problem::Problem;
use askama::Template;
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    detail: String,
    problems: Vec<String>,
}

/// The page of an error.
pub(crate) fn error(problem: Problem) -> Response {
    let status = problem.status();
    let mut title = problem.title.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    // A single one is in the detail.
    let problems = if problem.problems.len() > 1 { problem.problems } else { Vec::new() };
    let page = ProblemPage { frame: Frame::new(&Visit::default(), None, title), detail: problem.detail, problems };
    let mut answer = show(&page).unwrap_or_else(|_| status.into_response());
    *answer.status_mut() = status;
    answer
}
