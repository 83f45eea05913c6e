//! Wrapping lines between words, for narrow terminals.

use super::{INDENT, Shown, width};

/// Fewest columns that lines are wrapped to: in fewer, most words would be cut.
const COLUMNS_MIN: usize = 16;

impl Shown {
    /// The same text in lines of at most `columns`, where it has blanks to break at. The continuation of a line is
    /// indented below its beginning. A word that is longer than a line, such as a path, stays where it is.
    #[must_use]
    pub fn wrapped(&self, columns: usize) -> Self {
        let columns = columns.max(COLUMNS_MIN);
        let mut wrapped = String::with_capacity(self.0.len());
        self.0.lines().for_each(|line| wrap(line, columns, &mut wrapped));
        Self(wrapped)
    }
}

fn wrap(line: &str, columns: usize, wrapped: &mut String) {
    if columns_of(line) <= columns {
        wrapped.push_str(line);
        wrapped.push('\n');
        return;
    }
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    // A deep indent would leave no room.
    let below = format!("{}{INDENT}", " ".repeat(indent.min(columns / 3)));
    let (mut rest, mut taken) = (text, indent);
    wrapped.push_str(&line[..indent]);
    let mut begins = true;
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let end = rest[blanks..].find(' ').map_or(rest.len(), |at| blanks + at);
        let (gap, word) = (&rest[..blanks], &rest[blanks..end]);
        let (needed, length) = (blanks + columns_of(word), columns_of(word));
        if !begins && taken + needed > columns && below.len() + length <= columns {
            wrapped.push('\n');
            wrapped.push_str(&below);
            wrapped.push_str(word);
            taken = below.len() + length;
        } else {
            wrapped.push_str(gap);
            wrapped.push_str(word);
            taken += needed;
        }
        (rest, begins) = (&rest[end..], false);
    }
    wrapped.push('\n');
}

fn columns_of(text: &str) -> usize {
    text.chars().map(width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn wrapped(text: &str, columns: usize) -> String {
        Shown::line(text).wrapped(columns).0
    }

    #[test]
    fn lines_break_between_words_and_go_on_below_their_beginning() {
        assert_eq!(wrapped("note: a short one", 20), "note: a short one\n");
        assert_eq!(wrapped("note: one that is longer", 20), "note: one that is\n  longer\n");
        assert_eq!(wrapped("  help: one that is longer", 20), "  help: one that is\n    longer\n");
        assert_eq!(wrapped("RUN      STARTED      OUTCOME", 24), "RUN      STARTED\n  OUTCOME\n");
        assert_eq!(wrapped("日本 日本語の表 日本語", 16), "日本 日本語の表\n  日本語\n");
        assert_eq!(wrapped("at /a/very/long/path/of/a/file here", 16), "at /a/very/long/path/of/a/file\n  here\n");
        assert_eq!(wrapped("a b c d e f g h i j k l", 1), "a b c d e f g h\n  i j k l\n");
    }

    #[test]
    fn no_word_is_lost_and_no_line_is_too_long() {
        for seed in 0..500 {
            let mut dice = Dice(seed);
            let count = dice.roll(30);
            let words: Vec<String> =
                (0..count).map(|_| "xü日".chars().cycle().take(dice.roll(12) + 1).collect()).collect();
            let text = format!("{}{}", " ".repeat(dice.roll(30)), words.join(&" ".repeat(dice.roll(3) + 1)));
            let columns = dice.roll(60) + 1;
            let lines = wrapped(&text, columns);
            assert_eq!(lines.split_whitespace().collect::<Vec<_>>(), words, "{text:?} in {columns}");
            let columns = columns.max(COLUMNS_MIN);
            let is_long = |word: &str| columns_of(word) + columns / 3 + INDENT.len() > columns;
            for line in lines.lines().filter(|line| !line.split_whitespace().any(is_long)) {
                let is_one = line.split_whitespace().count() < 2;
                assert!(is_one || columns_of(line) <= columns, "{line:?} in {columns}");
            }
        }
    }
}
