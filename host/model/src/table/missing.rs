//! The words that stand for a missing value, whoever wrote the table.

/// Spellings of a missing value in columns that are not text, as databases, spreadsheets and languages have them. In a
/// text column only the empty cell is missing.
const MISSING: [&str; 23] = [
    "", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "Null", "null", "None", "NaN", "nan", "NAN",
    "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "\\N", ".",
];

/// The longest of them.
const MISSING_LENGTH: usize = 8;

/// Whether a cell says that it has no value, in a column that is not text.
#[inline]
#[must_use]
pub fn is_missing(cell: &str) -> bool {
    match cell.as_bytes().first() {
        None => true,
        // Nearly all numbers begin with a digit.
        Some(b'0' | b'2'..=b'9') => false,
        Some(_) => cell.len() <= MISSING_LENGTH && MISSING.contains(&cell),
    }
}
