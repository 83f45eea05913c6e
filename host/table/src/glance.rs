//! A summary of a text's first rows, shown with an error about it.

/// A text at first sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Its format, with the compression around it.
    pub format: String,
    /// The options that read it so; empty where none were found.
    pub options: Vec<(String, String)>,
    /// Its first rows, the header among them; lines where it was not found what separates cells.
    pub rows: Vec<Vec<String>>,
}
