//! The base images of the project, by what a block needs.

/// The versions of Python that have an image.
pub const PYTHON_VERSIONS: [&str; 2] = ["3.11", "3.13"];

/// The versions of R that have an image.
pub const R_VERSIONS: [&str; 2] = ["4.2", "4.5"];

/// A base image of Longshore, by what a block needs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// Python with pandas 3.
    Python,
    /// Python with pandas 2.
    PythonPandas2,
    /// R.
    R,
    /// Python 3.13, with pandas 3, on Debian 13.
    Python313,
    /// R 4.5, on Debian 13.
    R45,
}

impl ImageKind {
    /// Its name without `longshore/`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::PythonPandas2 => "python-pandas2",
            Self::R => "r",
            Self::Python313 => "python-3.13",
            Self::R45 => "r-4.5",
        }
    }
}
