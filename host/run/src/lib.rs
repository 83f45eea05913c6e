//! Runs. A request is checked (`request`), and becomes one run or one for each part of its input (`run`, `partition`). A
//! single run (`single`) takes a container from an engine, talks to its agent and its script (`connection`, `session`), hands
//! over inputs (`input`), takes outputs (`output`), and ends with a record (`record`), which is kept (`history`).

pub mod connection;
pub mod cut;
pub mod hashes;
pub mod history;
pub mod input;
pub mod kept;
pub mod output;
pub mod partition;
pub mod record;
pub mod request;
pub mod run;
pub mod session;
pub mod single;
