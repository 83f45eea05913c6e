//! What an engine's API answered instead of doing what it was asked, whichever API that is.

use std::error::Error;
use std::fmt;

/// A request that failed. It shows as the client's own error, and its causes are that error's.
#[derive(Debug)]
pub struct Refusal {
    status: Option<u16>,
    answer: Option<String>,
    error: Box<dyn Error + Send + Sync>,
}

impl Refusal {
    /// A request that could not be made, or whose answer could not be read.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { status: None, answer: None, error: error.into() }
    }

    /// One that the engine answered: with this HTTP status and these words.
    pub fn answered(status: u16, answer: String, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { status: Some(status), answer: Some(answer), error: error.into() }
    }

    /// The HTTP status of the engine's answer, if it gave one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The engine's words, if it gave an answer.
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
