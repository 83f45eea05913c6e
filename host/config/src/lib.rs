//! Settings in layers: built-in defaults, files of the system, the user and the project, environment variables. Later
//! layers override earlier ones, setting by setting, and the source of each value is known.
//!
//! The library does not read the environment: the caller names the possible files ([`Places`]) and collects the
//! variables for which [`counts`] holds.
//!
//! ```no_run
//! # fn example() -> Result<(), longshore_config::ConfigError> {
//! use longshore_config::settings::Settings;
//! use longshore_config::{self as config, Places};
//! use std::path::PathBuf;
//!
//! let files = Places { current: Some(PathBuf::from("/srv/project")), ..Places::default() }.files()?;
//! let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
//! let variables = variables.filter(|(name, _)| config::counts(name)).collect();
//! let config = config::load(files, &variables, Settings::default())?;
//! for entry in config.entries() {
//!     println!("{} is {}, from {}", entry.key, entry.value, entry.source);
//! }
//! # Ok(())
//! # }
//! ```

mod admission_list;
mod bound_list;
mod certificates;
mod digests;
mod document;
mod entry;
mod error;
mod file;
mod given;
mod list;
mod load;
mod names;
mod places;
mod pool_list;
mod run_list;
mod setting;
pub mod settings;
mod slot;
mod time;
mod version_list;

pub use certificates::{BUNDLE_BYTES_MAX, CertificateError, certificates};
pub use digests::SettingsDigests;
pub use document::document;
pub use entry::{Entry, Source, Value};
pub use error::ConfigError;
pub use load::{Config, Variables, counts, load};
pub use names::similar;
pub use places::{FILE_NAME, Places};
pub use time::{TimeError, format_time, parse_time};
