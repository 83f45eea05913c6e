//! A text's dialect: how its records and cells are separated. Readers of records receive one; `detect.rs` finds it.

use longshore_model::table::{Delimiter, Ragged, Stray};
use std::collections::BTreeMap;

/// The surplus cell of the row on a line.
pub(crate) type Surplus = BTreeMap<u64, usize>;

/// How a text's records and cells are separated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: Delimiter,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    /// The beginning of a line that is a comment.
    pub(crate) comment: Option<String>,
    /// Lines above the table.
    pub(crate) skip: u64,
    /// Rows below the table.
    pub(crate) footer: u64,
    /// The number of first records with column names.
    pub(crate) header: u64,
    /// Whether the header has no name for the first column.
    pub(crate) row_names: bool,
    /// Whether blanks before a cell are not part of it.
    pub(crate) trim: bool,
    /// Whether every row ends with a delimiter that the header does not end with.
    pub(crate) trailing: bool,
    pub(crate) ragged: Ragged,
    pub(crate) stray: Stray,
    /// Surplus empty cells of a few rows.
    pub(crate) surplus: Surplus,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: Delimiter::Byte(b','),
            quote: Some(b'"'),
            escape: None,
            comment: None,
            skip: 0,
            footer: 0,
            header: 1,
            row_names: false,
            trim: false,
            trailing: false,
            ragged: Ragged::Error,
            stray: Stray::Error,
            surplus: Surplus::default(),
        }
    }
}
