//! Why a run cannot be made, as callers read it.

use longshore::{ChainError, QueueFull, RequestError};
use longshore_protocol::{Glimpse, Rejection};
use std::fmt::Display;

/// A rejection with one sentence.
pub(crate) fn plain(problem: &impl Display) -> Rejection {
    Rejection {
        problems: vec![problem.to_string()],
        remedy: None,
        glances: Vec::new(),
        about_inputs: false,
        cancelled: false,
        busy: false,
    }
}

/// The rejection of a run that its caller has cancelled before it began.
pub(crate) fn cancelled() -> Rejection {
    Rejection { cancelled: true, ..plain(&"cancelled before the start") }
}

/// The rejection of a run for which the queue has no room.
pub(crate) fn busy(full: &QueueFull) -> Rejection {
    Rejection { busy: true, ..plain(full) }
}

/// The rejection of an invalid chain.
pub(crate) fn of_chain(error: &ChainError) -> Rejection {
    let remedy = error.remedy().and_then(|remedy| longshore::serde_json::to_value(remedy).ok());
    Rejection { problems: error.problems(), remedy, ..plain(&"") }
}

/// The rejection of an invalid request.
pub(crate) fn of_request(error: &RequestError) -> Rejection {
    let glimpse = |(input, glance): (usize, &longshore::table::Glance)| Glimpse {
        input: u32::try_from(input).unwrap_or(u32::MAX),
        format: glance.format.clone(),
        options: glance.options.clone(),
        rows: glance.rows.clone(),
    };
    Rejection {
        problems: error.problems(),
        remedy: error.remedy().and_then(|remedy| longshore::serde_json::to_value(remedy).ok()),
        glances: error.glances().map(glimpse).collect(),
        about_inputs: error.is_about_inputs(),
        cancelled: false,
        busy: false,
    }
}
