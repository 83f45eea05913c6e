//! A step of a build: a script of `sh`, and what it is given.

use super::EnvironmentError;
use longshore_os::small_file;
use std::path::Path;

/// A script and what it is given.
#[derive(Debug, Clone, Default)]
pub(super) struct Job {
    /// Of `sh`.
    pub(super) script: String,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Files: names, modes, contents.
    pub(super) files: Vec<(String, u32, Vec<u8>)>,
    /// Variables besides those that every build has.
    pub(super) environment: Vec<(String, String)>,
    /// Whether it needs the volume with the tools.
    pub(super) tools: bool,
    /// Whether it may fill the cache of packages: only what runs nobody's code but that of the image below.
    pub(super) cache: bool,
}

/// Bytes of a file of a job, at most: an agent has 2 MiB, a wheel of the SDK some hundred KiB, a debug build 100 MiB.
const FILE_MAX: u64 = 256 << 20;

/// A file's content, for a job.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, EnvironmentError> {
    small_file::read(path, FILE_MAX).map_err(|source| EnvironmentError::File { path: path.to_owned(), source })
}
