//! The database of the state: runs, their logs as they are printed, their messages, and requests to cancel them. Every
//! process of a user writes and reads the same file (`database`), which has a version (`schema`). A host that records
//! runs holds a lock (`hosts`), so that others distinguish its runs from those of a killed host. It writes on a
//! thread of its own (`writer`), for which a run's events wait in bounded memory (`live`, `pending`). Readers use
//! `history`, `select` and `log`. `takeover` moves the records of former versions, which were folders, into the database.
//! `tokens` has the secrets by which programs and browsers are let in over HTTP.
//!
//! Everything here blocks, except taking an event. No run depends on it.

mod database;
mod error;
mod history;
mod hosts;
mod live;
mod log;
mod new_run;
mod pending;
mod recorder;
mod schema;
mod select;
mod takeover;
mod tokens;
mod writer;

pub use error::{HistoryError, StoreFailure, TokenError};
pub use history::{HistoryEntry, RunHistory, RunState, Which};
pub use log::LogPiece;
pub use new_run::NewRun;
pub use recorder::{Recorder, RunRecording};
pub use select::{End, Ends, Selection};
pub use takeover::LeftFolder;
pub use tokens::{Admitted, Secret, TokenEntry, Tokens};

#[cfg(test)]
mod tests;
