//! A summary of a text's first rows, shown with an error about it.

/// The first look at a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Its format, with the compression around it.
    pub format: String,
    /// The options that read it so; empty if none were found.
    pub options: Vec<(String, String)>,
    /// Its first rows, including the header; its lines if the delimiter was not found.
    pub rows: Vec<Vec<String>>,
}
