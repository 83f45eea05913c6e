//! Environments as files: an image as one tar archive, written and read.
//!
//! An archive is in the form of `docker save`, or an OCI layout; either may be compressed, and so may the layers in it.
//! It is read in two passes over one file that is open all the time. The first checks everything and keeps nothing but
//! where each part lies; the second writes a new archive of the parts that were checked, for the engine or for a file.
//! No byte of the original's own framing gets any further, and no pass keeps more in memory than a list of parts.

pub mod check;
pub mod compression;
mod contents;
mod entry_name;
pub mod fault;
pub mod form;
mod image_config;
mod layer;
mod limits;
mod manifest;
pub mod pack;
mod pax;
pub mod spool;
mod tar_walk;

pub use fault::{ArchiveFault, TarFault};
pub use form::Form;

#[cfg(test)]
mod tests;
