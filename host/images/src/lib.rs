//! Images: environments made from what blocks name, fingerprints, pruning, archives in and out

pub mod collection;
pub mod credentials;
pub mod environment;
pub mod find;
pub mod fingerprint;
pub mod pruning;
pub mod subject;
pub mod transfer;
pub mod usage_store;
