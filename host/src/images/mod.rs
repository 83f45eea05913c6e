//! The images of this machine as operators see them: which there are, why, how large, and which may go.
//!
//! `survey` looks at what is there, `decide` settles what goes (a pure function), `prune` removes it, and
//! [`ImageCollection`] is the face of all of it. What makes images, and what uses them, is elsewhere: the two sides meet
//! in the ledger's locks.

pub(crate) mod caches;
mod collection;
mod decide;
mod entry;
mod error;
mod explain;
mod find;
mod folders;
mod ownership;
mod prune;
mod report;
mod select;
mod survey;

pub use collection::{ImageCollection, totals};
pub use decide::{GRACE, Stays};
pub use entry::{ImageEntry, Kind};
pub use error::ImagesError;
pub use explain::{Explanation, Going};
pub use find::FindError;
pub(crate) use find::{environment_name, find_image};
pub use prune::How;
pub(crate) use prune::prune;
pub use report::{Kept, PruneFailure, PruneReport};
pub(crate) use survey::key;
