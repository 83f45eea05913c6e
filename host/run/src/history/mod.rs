//! Run history: the record and the script's output of each run, in a folder of the state. The newest runs are kept, as
//! many as the settings allow. No run depends on it: a run that cannot be recorded only gets a note.

mod entry;
mod error;
mod log;
mod recording;
mod runs;

pub use error::HistoryError;
pub(crate) use recording::RunRecorder;
pub use runs::{HistoryEntry, RunHistory, RunState};
