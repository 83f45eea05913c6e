//! The spellings of a missing value, by any writer of tables.

/// Spellings of a missing value in columns that are not text, as databases, spreadsheets and languages use them. In a
/// text column only the empty cell is missing.
const MISSING: [&str; 23] = [
    "", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "Null", "null", "None", "NaN", "nan", "NAN",
    "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "\\N", ".",
];

/// The longest of them.
const MISSING_LENGTH: usize = 8;

/// Whether a cell of a column that is not text has no value.
#[inline]
#[must_use]
pub fn is_missing(cell: &str) -> bool {
    match cell.as_bytes().first() {
        None => true,
        // Fast path: nearly all numbers begin with a digit.
        Some(b'0' | b'2'..=b'9') => false,
        Some(_) => cell.len() <= MISSING_LENGTH && MISSING.contains(&cell),
    }
}
