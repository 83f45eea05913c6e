//! Fingerprints of environments: one hash over all that is installed in an image, or on this machine, with the lines
//! behind it, and where two of them differ. It tells whether two environments are alike, not whether one is honest: an
//! image says itself what is in it. What a run's record has besides, the hashes of code and data, is not its business.

pub(crate) mod cache;
pub(crate) mod difference;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod image;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod machine;
pub(crate) mod probe;

pub use difference::{Difference, differences};
pub use error::FingerprintError;
pub use image::{ask_image, of_image};
pub use line::{Kind, Line};
pub use lines::Fingerprint;
pub use machine::{of_machine, only};
