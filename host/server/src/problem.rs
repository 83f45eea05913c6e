//! Errors as HTTP answers have them: problem details (RFC 9457), and a page where a browser asks.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use longshore::causes::chain;
use longshore::collection::ImagesError;
use longshore::history::{HistoryError, TokenError};
use serde::Serialize;
use utoipa::ToSchema;

/// When a run that was refused because too many wait may be asked for again, in seconds: a short run takes less.
const RETRY_AFTER: &str = "5";

/// A request that cannot be fulfilled: `application/problem+json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What kind of problem it is, in a few words that are the same for all of its kind.
    pub(crate) title: &'static str,
    /// What is wrong, and what to do about it.
    pub(crate) detail: String,
    /// Each single fault of an invalid request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<String>,
    /// The run, if it ran and did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_id: Option<String>,
    /// Its outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        let (status, detail) = (status.as_u16(), detail.into());
        Self { status, title, detail, problems: Vec::new(), run_id: None, outcome: None }
    }

    /// Something in the request is wrong.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid request", detail)
    }

    /// A run, a block or an image does not exist.
    pub(crate) fn unknown(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// The host failed.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the host failed", detail)
    }

    /// The host is ending.
    pub(crate) fn closing() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting down", "the host is shutting down and begins nothing new")
    }

    /// Too many runs wait.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too many runs wait", detail)
    }

    /// A thread of the host panicked.
    pub(crate) fn broken() -> Self {
        Self::internal("internal error: please report it")
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if self.status() == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"longshore\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        if self.status() == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        // A page is made of it where a browser asked.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match &error {
            HistoryError::Unknown { .. } => Self::unknown(chain(&error)),
            HistoryError::Ambiguous { .. } => Self::invalid(chain(&error)),
            HistoryError::Running { .. } | HistoryError::NotRunning { .. } => {
                Self::new(StatusCode::CONFLICT, "not possible in this state", chain(&error))
            }
            _ => Self::internal(chain(&error)),
        }
    }
}

impl From<ImagesError> for Problem {
    fn from(error: ImagesError) -> Self {
        let detail = chain(&error);
        match &error {
            ImagesError::NotFound { .. } | ImagesError::Block { .. } | ImagesError::NoImageOfBlock { .. } => {
                Self::unknown(detail)
            }
            ImagesError::Stays { .. } => Self::new(StatusCode::CONFLICT, "not possible in this state", detail),
            error if error.is_bad_input() => Self::invalid(detail),
            _ => Self::new(StatusCode::SERVICE_UNAVAILABLE, "engine not available", detail),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::internal(chain(&error))
    }
}
