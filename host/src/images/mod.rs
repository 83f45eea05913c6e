//! The images of this machine as operators see them: which there are, why, how large, and which may go.

mod find;

pub use find::FindError;
pub(crate) use find::{HASH_SHOWN, environment_name, find_image};
