//! Blocks: a folder with a manifest and a script, or a bare script. Reading manifests of either form into one model,
//! the block's files, and checking the values that a caller gives its options.

mod describe;
mod error;
mod files;
mod load;
mod manifest_json;
mod manifest_toml;
mod model;
mod options;
mod schema;
mod template;
mod values;

pub(crate) use error::did_you_mean;
pub use error::{BlockError, OptionError, OptionProblem};
pub(crate) use manifest_toml::{place, reword};
pub use model::{Block, Language, Loaded, Mode, OutputSpec};
pub use options::{OptionKind, OptionSpec};
pub use schema::schema;
pub use template::{CreateError, create};
pub use values::{GivenValue, OptionFile, OptionValues};
