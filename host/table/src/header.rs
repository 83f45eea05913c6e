//! Decides whether a text's first row has the names of its columns.

use super::cell::Kind;
use super::error::TableError;
use super::seen::Seen;
use super::verdict::Hints;
use std::path::Path;

/// Numbers that are used as column names.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=2100;

/// One of the first rows.
pub(super) struct Row {
    /// Whether each cell was quoted.
    pub(super) quoted: Vec<bool>,
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

/// Whether the first row certainly has names: a text, over a column of another kind.
pub(super) fn has_names(rows: &[Row]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    first.cells.iter().enumerate().any(|(column, cell)| {
        let below = kind_of(rest.iter().filter_map(|row| row.cells.get(column)));
        !matches!(below, Kind::Text | Kind::Nothing) && kind_of(std::iter::once(cell)) == Kind::Text
    })
}

/// Whether the first row has names. It has none if each of its cells is a value of its column.
pub(super) fn has_header(path: &Path, rows: &[Row]) -> Result<bool, TableError> {
    let Some((first, rest)) = rows.split_first() else { return Ok(true) };
    let rest = || rest.iter().filter(|row| row.cells.len() == first.cells.len());
    if rest().next().is_none() {
        return Ok(true);
    }
    let mut numbers = Vec::new();
    let mut values = false;
    for (column, cell) in first.cells.iter().enumerate() {
        let below = kind_of(rest().map(|row| &row.cells[column]));
        if matches!(below, Kind::Text | Kind::Nothing) {
            continue;
        }
        let own = kind_of(std::iter::once(cell));
        let both = kind_of(rest().map(|row| &row.cells[column]).chain(std::iter::once(cell)));
        if matches!(own, Kind::Text | Kind::Nothing) || both == Kind::Text {
            return Ok(true);
        }
        let is_year = |cell: &String| cell.parse().is_ok_and(|year: i64| YEARS.contains(&year));
        if is_year(cell) && !rest().all(|row| is_year(&row.cells[column])) {
            return Ok(true);
        }
        values = true;
        numbers.push(cell.parse::<i64>().ok());
    }
    if !values {
        return Ok(true);
    }
    // Consecutive numbers may be names too, such as years.
    let counted = numbers.len() > 1
        && numbers.iter().all(Option::is_some)
        && numbers.windows(2).all(|pair| pair[0].zip(pair[1]).is_some_and(|(one, next)| next == one + 1));
    if counted {
        let reason = "its first row counts up, so it may contain column names or values: set `header=yes` or \
                      `header=no`"
            .into();
        return Err(TableError::Line { path: path.to_owned(), line: first.line, reason });
    }
    Ok(false)
}

/// Whether the second row has words, as the first has, over columns of other kinds: units, or more of the names.
pub(super) fn is_second_line(rows: &[Row]) -> bool {
    let [first, second, below @ ..] = rows else { return false };
    let mut words = false;
    if first.cells.len() != second.cells.len() {
        return false;
    }
    for (column, cell) in second.cells.iter().enumerate() {
        let below = kind_of(below.iter().filter_map(|row| row.cells.get(column)));
        if matches!(below, Kind::Text | Kind::Nothing) {
            continue;
        }
        match kind_of(std::iter::once(cell)) {
            Kind::Text if !cell.bytes().any(|byte| byte.is_ascii_digit()) => words = true,
            Kind::Nothing => {}
            _ => return false,
        }
    }
    words
}

/// The row below the header that repeats all names.
pub(super) fn repetition(rows: &[Row], header: usize) -> Option<usize> {
    let first =
        rows.first().filter(|first| first.cells.len() > 1 && first.cells.iter().any(|cell| !cell.is_empty()))?;
    let again = |row: &Row| row.cells.starts_with(&first.cells) || first.cells.starts_with(&row.cells);
    let row = rows.iter().skip(header).position(|row| row.cells.len() > 1 && again(row))?;
    Some(header + row)
}

/// Whether every row has one cell more than the header.
pub(super) fn has_one_more(rows: &[Row]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    !rest.is_empty() && first.cells.len() > 1 && rest.iter().all(|row| row.cells.len() == first.cells.len() + 1)
}

/// Whether the first cells of the rows are their numbers in quotes, as R writes row names, without a name in the
/// header. Numbers without quotes may be values of a column, and a later cell may contain a delimiter.
pub(super) fn are_numbered(rows: &[Row]) -> bool {
    rows.iter().skip(1).zip(1_u64..).all(|(row, number)| {
        row.quoted.first() == Some(&true) && row.cells.first().is_some_and(|cell| *cell == number.to_string())
    })
}

/// The kind of a column of cells.
pub(super) fn kind_of<'a>(cells: impl Iterator<Item = &'a String>) -> Kind {
    let hints = Hints { look: true, ..Hints::default() };
    let mut seen = Seen::default();
    for cell in cells {
        seen.note_in(cell, 0, &hints);
    }
    seen.verdict(&hints, &Default::default()).kind
}
