//! The images of this machine as operators see them: which there are, why, how large, and which may go.
//!
//! `survey` looks at what is there, `decide` settles what goes (a pure function), `prune` removes it, and
//! [`ImageCollection`](crate::collection::ImageCollection) is the face of all of it. What makes images, and what uses them, is elsewhere: the two sides meet
//! in the ledger's locks.

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
