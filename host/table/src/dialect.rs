//! A text's dialect: how its records and cells are separated. Readers of records receive one; `detect.rs` finds it.

use longshore_model::table::{Delimiter, Ragged, Stray};
use std::collections::BTreeMap;

/// Of the row on a line, the cell that is too much.
pub(crate) type Surplus = BTreeMap<u64, usize>;

/// How a text's records and cells are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: Delimiter,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    /// What a line begins with that is no record.
    pub(crate) comment: Option<String>,
    /// Lines above the table.
    pub(crate) skip: u64,
    /// Rows below the table.
    pub(crate) footer: u64,
    /// How many of the first records have the names of the columns.
    pub(crate) header: u64,
    /// Whether the header has no name for the first column.
    pub(crate) row_names: bool,
    /// Whether blanks before a cell are none of it.
    pub(crate) trim: bool,
    /// Whether every row ends with a delimiter that the header does not end with.
    pub(crate) trailing: bool,
    pub(crate) ragged: Ragged,
    pub(crate) stray: Stray,
    /// Empty cells that a few rows have too much.
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
