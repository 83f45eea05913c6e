//! Failures as values: R gets a list with a kind and a message, and raises it as a condition once Rust has returned.

use extendr_api::prelude::*;
use longshore_caller::CallerError;
use longshore_client::{ClientError, InputName, OutputName, chain};

/// A call that failed. `kind` is the kind of the condition, which scripts can handle.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    /// Data that R or a table cannot represent.
    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self { kind: "data", message: message.into() }
    }

    /// An argument that cannot be used.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self { kind: "value", message: message.into() }
    }

    /// R is out of memory.
    pub(crate) fn memory() -> Self {
        Self { kind: "memory", message: "R has no memory left for this table".into() }
    }

    /// Its message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<ClientError> for Failure {
    /// Inputs and outputs are counted from 1 in R, and calls have R's names.
    fn from(error: ClientError) -> Self {
        let (kind, message) = match &error {
            ClientError::NotInRun => ("not_in_run", chain(&error)),
            ClientError::Input { input: InputName::Number(number), reason } => {
                ("input", format!("input {} cannot be read: {reason}", u64::from(*number) + 1))
            }
            ClientError::Input { .. } | ClientError::UnknownInput(_) => ("input", chain(&error)),
            ClientError::Output { output, reason } => {
                let name = match output {
                    OutputName::Number(number) => (u64::from(*number) + 1).to_string(),
                    OutputName::Id(id) => format!("`{id}`"),
                };
                ("output", format!("output {name} cannot be written: {reason}"))
            }
            ClientError::Data(_) => ("output", chain(&error)),
            ClientError::Ended { call } => {
                let call = call.replace('_', ".");
                ("ended", format!("the run has ended: `{call}` cannot be used after commit() or close()"))
            }
            ClientError::Streaming { call } => {
                let call = call.replace('_', ".");
                let reason = "the function given to process.stream gets each chunk";
                ("mode", format!("`{call}` cannot be used in the mode `stream`: {reason}"))
            }
            ClientError::NotStreaming | ClientError::Streamed => {
                ("mode", chain(&error).replace("process_stream", "process.stream"))
            }
            ClientError::Progress { .. } => ("value", chain(&error)),
            ClientError::DryRun { .. } => ("dry_run", chain(&error)),
            ClientError::Interrupted => ("interrupted", chain(&error)),
            ClientError::Connect { .. }
            | ClientError::Refused { .. }
            | ClientError::Connection(_)
            | ClientError::Segment(_) => ("connection", chain(&error)),
        };
        Self { kind, message }
    }
}

impl From<CallerError> for Failure {
    fn from(error: CallerError) -> Self {
        let text = chain(&error);
        match error {
            CallerError::NotThere { .. } => {
                Self { kind: "server", message: format!("{text}: start one with `longshore serve`") }
            }
            CallerError::Hanging { .. } => {
                Self { kind: "server", message: format!("{text}: let it go on, or end it and start another") }
            }
            CallerError::Stopped => Self { kind: "interrupted", message: text },
            CallerError::Table(_) | CallerError::Segment(_) => Self::data(text),
            _ => Self { kind: "server", message: text },
        }
    }
}

/// The value for R, or a `longshore_failure`.
pub(crate) fn answer(result: Result<Robj, Failure>) -> Robj {
    result.unwrap_or_else(|failure| {
        let mut answer: Robj = list!(kind = failure.kind, message = failure.message).into();
        // A list takes a class attribute.
        let _ = answer.set_class(["longshore_failure"]);
        answer
    })
}
