//! Environments: what a run's image is made of, and making it.

mod address;
pub(crate) mod local;
pub(crate) mod requirement;

pub use local::LocalError;
