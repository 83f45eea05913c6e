//! Where the host finds things. The command line fills it from the environment, once; nothing below reads the
//! environment.

use crate::block::ImageKind;
use std::path::PathBuf;

/// Settings of the machine, apart from any one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Engine API's socket: Docker's or Podman's.
    pub engine_socket: PathBuf,
    /// The folder for the runs' sockets. It must allow Unix sockets, and only this user may enter it.
    pub runtime_folder: PathBuf,
    /// The folder for the `process` engine's working folders.
    pub work_folder: PathBuf,
    /// The agent's binary, for the `process` engine.
    pub agent: PathBuf,
    /// The Python interpreter of the `process` engine; it must have the SDK.
    pub python: PathBuf,
    /// The `Rscript` of the `process` engine.
    pub rscript: PathBuf,
    /// A library of R packages for the `process` engine, before R's own; the SDK must be in one of them.
    pub r_library: Option<PathBuf>,
    /// `PATH` of scripts on the `process` engine.
    pub path: String,
    /// The image of Python blocks that name none.
    pub python_image: String,
    /// The image of Python blocks that are written for pandas 2, and name none.
    pub python_pandas2_image: String,
    /// The image of R blocks that name none.
    pub r_image: String,
}

impl Settings {
    /// The image of blocks of a kind that name none.
    #[must_use]
    pub fn image(&self, kind: ImageKind) -> &str {
        match kind {
            ImageKind::Python => &self.python_image,
            ImageKind::PythonPandas2 => &self.python_pandas2_image,
            ImageKind::R => &self.r_image,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine_socket: PathBuf::from("/var/run/docker.sock"),
            runtime_folder: PathBuf::from("/run/longshore"),
            work_folder: std::env::temp_dir(),
            agent: PathBuf::from("longshore-agent"),
            python: PathBuf::from("python3"),
            rscript: PathBuf::from("Rscript"),
            r_library: None,
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            python_image: concat!("longshore/python:", env!("CARGO_PKG_VERSION")).into(),
            python_pandas2_image: concat!("longshore/python-pandas2:", env!("CARGO_PKG_VERSION")).into(),
            r_image: concat!("longshore/r:", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}
