//! Blocks: a folder with a script, or a bare script. Reads manifests, the metadata in scripts and the files in which other
//! tools list packages into one model, lists the block's files, and checks the values of its options.

mod block_file;
mod describe;
mod document;
mod entry;
mod error;
mod files;
mod hidden;
mod load;
mod manifest_json;
mod manifest_toml;
mod model;
mod needed;
mod needs;
mod neighbours;
mod options;
mod options_json;
mod python_imports;
mod python_marker;
mod python_modules;
mod python_requirement;
mod r_packages;
mod requirements;
mod schema;
mod script_metadata;
mod template;
mod toml_text;
mod undeclared;
mod values;

pub use block_file::BlockFile;
pub use error::{BlockError, OptionError, OptionProblem};
pub use files::BlockFiles;
pub use hidden::{check_hidden, modules};
pub use load::{MANIFESTS, is_script};
pub use model::{Block, Form, InputDeclaration, InputKey, Language, Loaded, Mode, OutputSpec, Pandas};
pub use needed::{NeedsFile, NeedsRole, Pinned, PinnedPackage};
pub use needs::scripts;
pub use options::{OptionKind, OptionSpec};
pub use python_imports::{Import, imports};
pub use python_modules::package_of_module;
pub use python_requirement::{cut_name, is_requirement, package_name};
pub use schema::schema;
pub use template::{CreateError, create};
pub use undeclared::Undeclared;
pub use values::{GivenValue, OptionFile, OptionValues, check_field};
