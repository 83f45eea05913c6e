//! A failed request to an engine's API, independent of the API.

use std::error::Error;
use std::fmt;

/// A request that failed. It displays as the client's own error, with that error's causes.
#[derive(Debug)]
pub struct Refusal {
    status: Option<u16>,
    answer: Option<String>,
    error: Box<dyn Error + Send + Sync>,
}

impl Refusal {
    /// A request that could not be sent, or whose answer could not be read.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { status: None, answer: None, error: error.into() }
    }

    /// A request that the engine refused, with this HTTP status and this message.
    pub fn answered(status: u16, answer: String, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { status: Some(status), answer: Some(answer), error: error.into() }
    }

    /// The HTTP status of the engine's answer, if it sent one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The engine's message, if it answered.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
