//! The first rows of a table, as short texts for a person. The crate `longshore-table` fills it.

use serde::{Deserialize, Serialize};

/// The first rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Preview {
    /// The names of the first columns, cut to [`Preview::CELL_BYTES`].
    pub columns: Vec<String>,
    /// The number of columns beyond those.
    pub more_columns: usize,
    /// The first rows, each with the text of every named column, cut in the same way; `null` if a value is missing.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Preview {
    /// Most rows.
    pub const ROWS: usize = 5;

    /// Most columns: a terminal of 200 columns has room for as many.
    pub const COLUMNS: usize = 40;

    /// Most bytes of a name or a value, so that a preview takes at most 6 × 40 × 120 bytes.
    pub const CELL_BYTES: usize = 120;
}
