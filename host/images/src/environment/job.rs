//! A step of a build: a script of `sh` and its input.

use super::EnvironmentError;
use longshore_os::small_file;
use std::path::Path;

/// A script and its input.
#[derive(Debug, Clone, Default)]
pub(super) struct Job {
    /// An `sh` script that is run before, in the same container, and prints the changes that it prepares.
    pub(super) prepare: Option<String>,
    /// An `sh` script that is run next if that says so.
    pub(super) fetch: Option<String>,
    /// The `sh` script.
    pub(super) script: String,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Files: names, modes, contents.
    pub(super) files: Vec<(String, u32, Vec<u8>)>,
    /// Variables besides those of every build.
    pub(super) environment: Vec<(String, String)>,
    /// Whether it needs the volume with the tools.
    pub(super) tools: bool,
    /// Whether it may fill the cache of packages: only if it runs no code but that of the image below.
    pub(super) cache: bool,
}

/// Maximum bytes of a file of a job: an agent has 2 MiB, a wheel of the SDK some hundred KiB, a debug build 100 MiB.
const FILE_MAX: u64 = 256 << 20;

/// Reads a file's content, for a job.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, EnvironmentError> {
    small_file::read(path, FILE_MAX).map_err(|source| EnvironmentError::File { path: path.to_owned(), source })
}
