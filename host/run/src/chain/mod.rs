//! Chains: several blocks whose tables pass from one container to the next as sealed segments, in any graph without
//! cycles. A request is checked as a whole (`check`), its steps run as soon as their tables are there (`run`), and
//! nothing is published unless all of them succeed. One record has all steps (`record`).
//!
//! A step is a run of its own (`single`); what it waits for is in `upstream` of the crate.

mod check;
mod error;
mod record;
mod relay;
mod request;
mod run;

pub use check::PreparedChain;
pub use error::ChainError;
pub use request::{ChainRequest, Connection, Step};
pub use run::run;
