//! Pulling: one attempt to fetch an image from its registry, what is heard of it meanwhile, and what its failure means.
//! Whether to pull at all, and whether to try again, is decided in `environment::custom`.

mod attempt;
mod error;
mod failure;
mod progress;

pub use error::PullError;
pub(crate) use failure::PullFailure;
