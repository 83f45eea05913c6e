//! What the containers of an engine run on.

/// What containers run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The operating system in the words of OCI, such as `linux`.
    pub os: String,
    /// The architecture in the words of OCI, such as `amd64`.
    pub architecture: String,
}
