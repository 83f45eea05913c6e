//! The lines above a table: titles, which fill few cells, and comments.

use super::header::{Row, has_names};
use super::sample::Table;

/// The number of lines above the table.
pub(super) fn preamble(table: &Table) -> u64 {
    // Text in quotes is a cell.
    let is_comment =
        |row: &&Row| row.quoted.first() == Some(&false) && row.cells.first().is_some_and(|cell| cell.starts_with('#'));
    let comments = table.rows.iter().take_while(is_comment).count();
    if comments > 0 && table.dialect.comment.is_none() {
        let Some(next) = table.rows.get(comments) else { return 0 };
        let last = &table.rows[comments - 1];
        // The last of them may have the names: `#CHROM`.
        let has_names = last.cells.len() == next.cells.len() && next.cells.len() > 1;
        let first = if has_names { last } else { next };
        return if first.cells.len() == table.width { first.line - 1 } else { 0 };
    }
    if table.width < 2 {
        return 0;
    }
    // Spreadsheets pad titles with delimiters.
    let few = (table.width / 2).max(1);
    let above = table.rows.iter().take_while(|row| filled(row) <= few).count();
    let (Some(last), Some(first)) = (above.checked_sub(1).and_then(|last| table.rows.get(last)), table.rows.get(above))
    else {
        return 0;
    };
    let is_padded = table.rows[..above].iter().any(|row| row.cells.len() > few);
    let is_whole = first.cells.len() == table.width && last.line < first.line;
    // If the options exclude a header, a row with few values is a row of the table.
    if !is_whole || is_padded && (filled(first) < table.width || table.dialect.header == 0) {
        return 0;
    }
    // It may be the name of the only column, or a row with few values.
    let is_apart = is_padded && above > 1 && filled(last) == 0;
    if is_apart || has_names(&table.rows[above..]) { first.line - 1 } else { 0 }
}

fn filled(row: &Row) -> usize {
    row.cells.iter().filter(|cell| !cell.is_empty()).count()
}
