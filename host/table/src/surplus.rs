//! Rows with an extra empty cell: a delimiter that was typed twice. The other rows determine which empty cell is
//! extra: leaving out any other one would shift values into columns where they do not fit. If the rows do not decide,
//! nothing is found.

use super::dialect::{Dialect, Surplus};
use super::header::Row;
use super::sample::Table;
use super::seen::Seen;
use super::verdict::{Hints, Style};
use longshore_model::table::Delimiter;

/// Minimum number of rows that determine the content of a column.
const ROWS_MIN: usize = 20;

/// One in this many rows may have an extra cell: more are not an accident.
const ONE_OF: usize = 10;

/// Lines that a note shows.
const LINES_SHOWN: usize = 5;

/// The content of a column in the rows.
struct Column {
    seen: Seen,
    some_empty: bool,
    some_filled: bool,
}

impl Column {
    fn of<'a>(cells: impl Iterator<Item = &'a String>, hints: &Hints) -> Self {
        let mut column = Self { seen: Seen::default(), some_empty: false, some_filled: false };
        for cell in cells {
            column.seen.note_in(cell, 0, hints);
            column.some_empty |= cell.is_empty();
            column.some_filled |= !cell.is_empty();
        }
        column
    }

    /// Whether a cell is like the others.
    fn takes(&self, cell: &str, hints: &Hints) -> bool {
        if if cell.is_empty() { !self.some_empty } else { !self.some_filled } {
            return false;
        }
        let kind = |seen: &Seen| seen.verdict(hints, &Style::default()).kind;
        let mut with = self.seen.clone();
        with.note_in(cell, 0, hints);
        kind(&with) == kind(&self.seen)
    }
}

/// The extra cells, and the note about them.
pub(super) fn surplus(table: &Table) -> (Surplus, Option<String>) {
    let header = usize::try_from(table.dialect.header).unwrap_or(usize::MAX);
    let (names, rows) = table.rows.split_at(header.min(table.rows.len()));
    let usual: Vec<&Row> = rows.iter().filter(|row| row.cells.len() == table.width).collect();
    let longer: Vec<&Row> = rows.iter().filter(|row| row.cells.len() == table.width + 1).collect();
    let is_slip = usual.len() >= ROWS_MIN && longer.len() * ONE_OF <= usual.len();
    let fits = names.iter().all(|row| row.cells.len() == table.width);
    if longer.is_empty() || !is_slip || !fits || !separates(&table.dialect, rows) {
        return (Surplus::new(), None);
    }
    let hints = Hints { look: true, ..Hints::default() };
    let columns: Vec<Column> =
        (0..table.width).map(|place| Column::of(usual.iter().filter_map(|row| row.cells.get(place)), &hints)).collect();
    let found = longer.into_iter().filter_map(|row| Some((row.line, only(row, &columns, &hints)?)));
    let found: Surplus = found.collect();
    let note = (!found.is_empty()).then(|| {
        let lines: Vec<String> = found.keys().take(LINES_SHOWN).map(u64::to_string).collect();
        let more = if found.len() > LINES_SHOWN { ", …" } else { "" };
        let lines = format!("{}{more}", lines.join(", "));
        let (rows, them) = if found.len() == 1 {
            (format!("the row on line {lines} has"), "it")
        } else {
            (format!("{} rows, on lines {lines}, have", found.len()), "them")
        };
        format!(
            "{rows} an empty cell where no other has one, and one cell too many: the empty cell is left out, \
             `ragged=error` rejects {them}"
        )
    });
    (found, note)
}

/// Whether a delimiter outside quotes certainly separates cells: the text quotes the cells that contain one.
fn separates(dialect: &Dialect, rows: &[Row]) -> bool {
    if dialect.delimiter == Delimiter::Blanks {
        return false;
    }
    let delimiter = dialect.delimiter.text();
    let quoted =
        |row: &Row| row.cells.iter().zip(&row.quoted).any(|(cell, quoted)| *quoted && cell.contains(&delimiter));
    rows.iter().any(quoted)
}

/// The one empty cell without which a row is like the others.
fn only(row: &Row, columns: &[Column], hints: &Hints) -> Option<usize> {
    let mut found: Option<usize> = None;
    for (place, (cell, quoted)) in row.cells.iter().zip(&row.quoted).enumerate() {
        if !cell.is_empty() || *quoted {
            continue;
        }
        // Of several adjacent empty cells any one may be removed.
        if place > 0 && found == Some(place - 1) {
            found = Some(place);
            continue;
        }
        let rest = row.cells.iter().enumerate().filter(|(other, _)| *other != place);
        if rest.zip(columns).all(|((_, cell), column)| column.takes(cell, hints)) {
            if found.is_some() {
                return None;
            }
            found = Some(place);
        }
    }
    found
}
