//! Export and import: an image from an engine into an archive, and from an archive into an engine. The crate `archive`
//! validates archives; the name of an image, and the clean-up after a failure, are decided here.

mod error;
mod export;
mod import;
mod passing;

pub use error::{ExportError, ImportError};
pub use export::{Exported, Target, export};
pub(crate) use import::{IMPORTED, Loading};
pub use import::{Imported, Source, Trust, import};
pub(crate) use passing::{INCOMING, passing_name, sweep};
