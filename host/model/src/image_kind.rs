//! The base images of the project, by what a block needs.

/// A base image of Longshore, by what a block needs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// Python with pandas 3.
    Python,
    /// Python with pandas 2.
    PythonPandas2,
    /// R.
    R,
}

impl ImageKind {
    /// The stage of `images/Dockerfile` that builds it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::PythonPandas2 => "python-pandas2",
            Self::R => "r",
        }
    }
}
