//! Base images that others built: got from a registry, or from an archive, checked, and given Longshore's names.
//!
//! All of the wanted images are checked before the first gets its name, and what was fetched for them is removed after a
//! failure. Building base images is the task of scripts beside the program.

mod error;
mod name;
mod provide;

pub use error::{ProvideError, Unfit};
pub use name::{BaseName, BaseNameError};
pub use provide::{Origin, Provided, present, provide};
