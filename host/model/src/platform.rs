//! The platform of an engine's containers.

/// The platform of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The operating system in OCI's terms, such as `linux`.
    pub os: String,
    /// The architecture in OCI's terms, such as `amd64`.
    pub architecture: String,
}
