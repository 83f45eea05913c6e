//! The images of this machine for operators: which exist, why, their size, and which may be evicted.
//!
//! `survey` lists them, `decide` selects those to evict (a pure function), `prune` removes them, and
//! [`ImageCollection`](crate::collection::ImageCollection) is the public interface. The code that builds and uses
//! images is elsewhere: both sides share the locks of the usage store.

pub(crate) mod caches;
pub(crate) mod decide;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod folders;
pub(crate) mod ownership;
pub(crate) mod prune;
pub(crate) mod report;
pub(crate) mod survey;

pub use decide::{GRACE, Stays};
pub use entry::{ImageEntry, Kind};
pub use error::PruneError;
pub use prune::How;
pub(crate) use prune::prune;
pub use report::{Kept, PruneFailure, PruneReport};
pub(crate) use survey::key;
