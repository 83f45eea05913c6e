//! What fits into the columns of lists.

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
}
