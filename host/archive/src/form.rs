//! The forms of an archive.

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The form that `docker save` writes and `docker load` reads.
    Docker,
    /// An OCI image layout.
    Oci,
}
