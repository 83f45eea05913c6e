//! Runs that were: the record of each, and what its script printed, in a folder of the state, so that people can look at
//! them later. The newest stay, as many as the settings say. Nothing of a run depends on this: one that cannot be recorded
//! runs all the same, with a note.

mod entry;
mod error;
mod log;
mod recording;
mod runs;

pub use error::HistoryError;
pub(crate) use recording::RunRecorder;
pub use runs::{HistoryEntry, RunHistory, RunState};
