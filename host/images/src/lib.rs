//! Images of an engine, and what stands for them where there is none: environments that are made from what blocks name
//! (`environment`), what is installed in them (`fingerprint`, `subject`), which of them go (`pruning`, `collection`), archives
//! in and out (`transfer`). Engines are asked through the traits of the crate `engine`, never directly.

pub mod collection;
pub mod credentials;
pub mod environment;
pub mod find;
pub mod fingerprint;
pub mod pruning;
pub mod subject;
pub mod transfer;
pub mod usage_store;
