//! Refusals and notes of a column: why there is no vector or array for it, and why it has an unusual form. Both name
//! the first value; the caller adds the column's name.

use crate::failure::Failure;

/// Why R has no vector for an array.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The first refused value; `None` if the type is refused.
    row: Option<usize>,
    /// The unit of `row`: rows, or a factor's levels.
    counted: &'static str,
    pub(crate) why: String,
}

impl Refusal {
    /// A refusal of a value.
    pub(crate) fn at(row: usize, why: impl Into<String>) -> Self {
        Self { row: Some(row), counted: "row", why: why.into() }
    }

    /// A refusal of a type.
    pub(crate) fn whole(why: impl Into<String>) -> Self {
        Self { row: None, counted: "row", why: why.into() }
    }

    /// A refusal of a factor's level.
    pub(crate) fn at_level(level: usize, why: impl Into<String>) -> Self {
        Self { row: Some(level), counted: "level", why: why.into() }
    }

    /// A refusal of text without a known encoding.
    pub(crate) fn not_utf8(row: usize) -> Self {
        Self::at(row, "the text is not valid UTF-8: set its encoding, as in Encoding(x) <- \"latin1\"")
    }

    /// The refusal of a value as one of the row around it.
    pub(crate) fn in_row(self, row_of: impl Fn(usize) -> usize) -> Self {
        let row = if self.counted == "row" { self.row.map(row_of) } else { self.row };
        Self { row, ..self }
    }

    /// Converts it to a failure of a column.
    pub(crate) fn of(self, column: &str) -> Failure {
        Failure::data(match self.row {
            Some(row) => format!("column `{column}`, {} {}: {}", self.counted, row + 1, self.why),
            None => format!("column `{column}`: {}", self.why),
        })
    }
}

/// A column that is read in an unusual form, with the first value that needs it, unless the type needs it.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) row: Option<usize>,
    pub(crate) why: String,
}
