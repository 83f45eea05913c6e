//! Environments as files: an image out of an engine into an archive, and into an engine out of one. What is in an archive is
//! checked by the crate `archive`; which name an image gets, and what is left where something fails, is decided here.

mod error;
mod export;
mod import;

pub use error::{ExportError, ImportError};
pub use export::{Exported, Target, export};
pub use import::{Imported, Trust, import};
