//! Environments: what a run's image is made of, and making it.

pub(crate) mod custom;
