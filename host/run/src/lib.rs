//! Runs. A request is checked (`request`), and becomes one run or one for each part of its input (`run`, `partition`).
//! A single run (`single`) waits until the machine has room for it (`admission`), gets a container from an engine or one
//! that waits (`pool`, `container`) for its program (`program`), communicates with its agent and script (`connection`,
//! `session`), serves inputs (`input`), receives outputs (`output`), and ends with a record (`record`). The run's log and
//! record are kept in the history (`recording`). `hints` explains why a script failed. Several blocks may be a chain
//! (`chain`), whose tables pass from one to the next. A dry run (`dry_run`) is a folder instead, for scripts that are
//! started by hand.

pub mod admission;
pub mod chain;
pub mod connection;
pub(crate) mod container;
pub mod cut;
pub mod dry_run;
pub(crate) mod facilities;
pub mod hashes;
pub(crate) mod hints;
pub mod input;
pub mod kept;
pub mod output;
pub mod partition;
pub mod pool;
pub(crate) mod program;
pub mod record;
pub(crate) mod recording;
pub(crate) mod removals;
pub mod request;
pub mod run;
pub mod session;
pub mod single;
pub mod submission;
