//! Types that all parts of the host share: ids, digests, limits, outcomes, events, cancelling, text for display, and
//! declarations of tables.

pub mod activity;
pub mod address;
pub mod cancel;
pub mod constraint;
pub mod day;
#[cfg(test)]
mod dice;
pub mod digest;
pub mod engine_kind;
pub mod event;
pub mod hint;
pub mod human;
pub mod image_id;
pub mod image_kind;
pub mod labels;
pub mod limits;
pub mod lines;
pub mod network;
pub mod note;
pub mod outcome;
pub mod package_name;
pub mod platform;
pub mod pull_progress;
pub mod r_requirement;
pub mod redact;
pub mod reference;
pub mod remedy;
pub mod run_id;
pub mod shown;
pub mod size;
pub mod table;

pub use longshore_protocol::causes;
