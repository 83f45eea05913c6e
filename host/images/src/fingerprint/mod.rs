//! Fingerprints of environments: one hash of everything that is installed in an image, or on this machine, with its
//! lines, and the differences of two of them. It shows whether two environments are equal, not whether one is honest:
//! an image lists its own packages. The hashes of code and data in a run's record are not computed here.

pub(crate) mod cache;
pub(crate) mod difference;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod image;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod machine;
pub(crate) mod needs;
pub(crate) mod probe;

pub(crate) use cache::KeptAnswers;
pub use difference::{Difference, differences};
pub use error::FingerprintError;
pub(crate) use image::{answer_of, ask_image_and};
pub use image::{ask_image, of_image};
pub use line::{Kind, Line};
pub use lines::Fingerprint;
pub use machine::{of_machine, only};
