//! The information about a column before its first cell, and its type after its last.

use super::cell::{Kind, Words};
use super::days::Dates;
use super::marks::Marks;
use std::sync::Arc;

/// How the values of a column are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Style {
    pub(crate) marks: Marks,
    pub(crate) dates: Dates,
}

/// The information before the first cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Hints {
    pub(crate) words: Arc<Words>,
    /// The marks in numbers, if the user sets them.
    pub(crate) marks: Option<Marks>,
    /// The format of dates, if the user sets it.
    pub(crate) dates: Option<Dates>,
    /// Whether the user sets the type to dates or times: `20241231` may also be a number.
    pub(crate) is_dates: bool,
    /// Whether other notations of numbers and dates are recognized than machine-written ones.
    pub(crate) look: bool,
}

/// A cell and the line of its row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Example {
    pub(crate) line: u64,
    pub(crate) cell: String,
}

/// Characters of a cell that are kept: more are never shown.
const CELL_SHOWN: usize = 200;

impl Example {
    pub(crate) fn new(line: u64, cell: &str) -> Self {
        Self { line, cell: cell.chars().take(CELL_SHOWN).collect() }
    }
}

/// Why a column is text, although another type was possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A few cells are text, and the others are of another kind.
    Mixed { example: Example, others: &'static str },
    /// Its numbers can be read in two ways.
    Marks(Example),
    /// Its dates can be read in two ways.
    Order(Example),
}

/// The type of a column, and the style of its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    pub(crate) style: Style,
    pub(crate) reason: Option<Reason>,
}
