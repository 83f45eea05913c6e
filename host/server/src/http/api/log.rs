//! The log of a run: whole, or as it is printed.

use crate::follow::Following;
use crate::problem::Problem;
use crate::web::Web;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use longshore::history::HistoryEntry;
use serde::Deserialize;
use std::io;
use tokio_stream::Stream;
use utoipa::IntoParams;

/// How.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct How {
    /// Send what is printed as it is printed, until the run has ended.
    #[serde(default)]
    follow: bool,
}

/// What the script of a run has printed, or while it is built the output of the build
#[utoipa::path(get, path = "/runs/{run}/log", tag = "runs",
    params(("run" = String, Path, description = "its id or the beginning of it; `last` is the newest"), How),
    responses(
        (status = 200, body = String, content_type = "text/plain; charset=utf-8",
         description = "bytes as they were printed; a line says how many are left out of a long log"),
        (status = 404, body = Problem),
    ))]
pub(crate) async fn log(
    State(web): State<Web>,
    Path(run): Path<String>,
    Query(how): Query<How>,
) -> Result<Response, Problem> {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    if how.follow {
        let entry = web.history(move |history| history.find(&run)).await?;
        return Ok((plain, Body::from_stream(followed(web, entry))).into_response());
    }
    let text = web.history(move |history| history.log(&history.find(&run)?)).await?;
    Ok((plain, text).into_response())
}

/// What is printed, as it is printed.
fn followed(web: Web, entry: HistoryEntry) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let following = Following::new(web, entry, 0);
    futures_util::stream::unfold(following, async |mut following| {
        loop {
            match following.next().await {
                Ok(Some(news)) if news.log.bytes.is_empty() => {}
                Ok(Some(news)) => {
                    let left_out = news.log.left_out;
                    let mut bytes = Vec::new();
                    if left_out > 0 {
                        bytes.extend(format!("… {left_out} bytes are left out here …\n").into_bytes());
                    }
                    bytes.extend(news.log.bytes);
                    return Some((Ok(Bytes::from(bytes)), following));
                }
                Ok(None) => return None,
                Err(problem) => return Some((Err(io::Error::other(problem.detail)), following)),
            }
        }
    })
}
