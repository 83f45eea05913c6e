//! Tables of aligned columns, as the lists of images and runs have them.

use std::fmt::Write;

/// Rows in columns, the first row their heads; columns in `numbers` are read from their end. There is no table of
/// nothing.
pub(crate) fn aligned<Row: AsRef<[String]>>(rows: &[Row], numbers: &[usize]) -> String {
    if rows.len() < 2 {
        return String::new();
    }
    let columns = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.as_ref().get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.as_ref().iter().zip(&widths).enumerate() {
            // Writing to a string does not fail.
            let _ = match numbers.contains(&column) {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:<width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What fits into a column. Names are anybody's words: a character that is none is not shown.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let shown: Vec<char> = plain(text).chars().collect();
    match shown.len() > width {
        true => shown[..width - 1].iter().chain(&['…']).collect(),
        false => shown.into_iter().collect(),
    }
}

/// Anybody's words in one line, without what would move a terminal's cursor.
pub(crate) fn plain(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' => ' ',
        character if character.is_control() => '?',
        character => character,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("pandas", 6), "pandas");
        assert_eq!(cut("scikit-learn", 6), "sciki…");
        assert_eq!(cut("a\u{1b}[31mb\n", 9), "a?[31mb ");
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["A", "ROWS", "B"], ["x", "5", ""], ["long", "1234567", "y"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows, &[1]), "A        ROWS  B\nx           5\nlong  1234567  y\n");
        assert_eq!(aligned(&rows[..1], &[]), "");
    }
}
