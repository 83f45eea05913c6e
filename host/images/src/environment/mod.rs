//! Environments: the image of a run, and its build. A block names packages; its environment is a base image with these
//! packages on top, built once and found again by a hash of its input.
//!
//! An image is built in up to three layers, each an image of its own that others can share: Debian packages, packages
//! of the language, and the API. A layer is a command in a build container, so the build's input (URLs with passwords,
//! certificates, caches of packages) is passed from outside, and is in no image. On the `process` engine an environment
//! is a folder (`local`).

mod api;
mod base_packages;
mod bounds;
mod builder;
mod conflict;
mod custom;
mod dockerfile;
pub mod ensure;
mod error;
mod installed;
mod interpreter_version;
mod job;
mod labelled;
mod lacking;
mod last_change;
pub mod local;
mod lock;
mod locking;
mod names;
mod nearest;
mod packages;
mod plan;
mod present;
mod printed;
mod pull_error;
mod pylock;
pub(crate) mod requirement;
mod resolver;
mod sources;
mod steps;
mod system;
mod tools;

pub use bounds::Bounds;
pub(crate) use custom::pull;
pub use ensure::{Built, build, ensure, find, hash_of_block};
pub use error::EnvironmentError;
pub use local::LocalError;
pub use lock::{Lock, LockedPackage};
pub use locking::{Locked, lock};
pub use names::{check, check_git};
use plan::LayerKind;
pub(crate) use plan::{Layer, Plan};
pub use pull_error::PullError;
pub use pylock::{PylockWritten, write_pylock};
