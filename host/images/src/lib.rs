//! Images of an engine, and the folders that replace them without one: environments built from the packages of blocks
//! (`environment`), base images that others built (`provision`), the list of installed packages (`fingerprint`, `subject`), eviction (`pruning`, `collection`), and
//! export to and import from archives (`transfer`). Engines are used through the traits of the crate `engine`, never
//! directly.

pub mod collection;
pub mod credentials;
pub mod environment;
pub mod find;
pub mod fingerprint;
mod listed;
pub mod provision;
pub mod pruning;
pub mod subject;
pub mod transfer;
pub mod usage_store;
