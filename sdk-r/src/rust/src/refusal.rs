//! What is not as usual about a column: why there is no vector or no array for it, and why it has another form. Both name
//! the first value; whoever knows the column's name adds it.

use crate::failure::Failure;

/// Why R has no vector for an array.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The first value that is refused; none where the type is.
    row: Option<usize>,
    /// What is counted: rows, or a factor's levels.
    counted: &'static str,
    pub(crate) why: String,
}

impl Refusal {
    /// One of a value.
    pub(crate) fn at(row: usize, why: impl Into<String>) -> Self {
        Self { row: Some(row), counted: "row", why: why.into() }
    }

    /// One of a type.
    pub(crate) fn whole(why: impl Into<String>) -> Self {
        Self { row: None, counted: "row", why: why.into() }
    }

    /// One of a factor's level.
    pub(crate) fn at_level(level: usize, why: impl Into<String>) -> Self {
        Self { row: Some(level), counted: "level", why: why.into() }
    }

    /// One of text that has no known encoding.
    pub(crate) fn not_utf8(row: usize) -> Self {
        Self::at(row, "the text is no valid UTF-8: say what it is, as in Encoding(x) <- \"latin1\"")
    }

    /// One of the row around a value.
    pub(crate) fn in_row(self, row_of: impl Fn(usize) -> usize) -> Self {
        let row = if self.counted == "row" { self.row.map(row_of) } else { self.row };
        Self { row, ..self }
    }

    /// As a failure of a column.
    pub(crate) fn of(self, column: &str) -> Failure {
        Failure::data(match self.row {
            Some(row) => format!("column `{column}`, {} {}: {}", self.counted, row + 1, self.why),
            None => format!("column `{column}`: {}", self.why),
        })
    }
}

/// A column that is read in another form than the usual one, with the first value that needs it, if it is for a value.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) row: Option<usize>,
    pub(crate) why: String,
}
