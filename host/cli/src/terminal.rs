//! The command's standard output and standard error as terminals: their width, colours and movement. Text for them is
//! wrapped between words and coloured here only, by the host's own words at the start of a line. `printer.rs` prints it.

use crate::environment;
use longshore::shown::Shown;
use rustix::termios::tcgetwinsize;
use std::io::{self, IsTerminal};

/// Columns of a terminal that does not tell them.
const USUAL_COLUMNS: usize = 80;

/// A stream of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// Whether it is a terminal.
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// The columns of its terminal.
    pub(crate) fn columns(self) -> Option<usize> {
        let size = match self {
            _ if !self.is_terminal() => return None,
            Self::Out => tcgetwinsize(io::stdout()),
            Self::Err => tcgetwinsize(io::stderr()),
        };
        let columns = size.map(|size| usize::from(size.ws_col)).ok().filter(|columns| *columns > 0);
        Some(columns.unwrap_or(USUAL_COLUMNS))
    }

    /// The text as this stream shows it.
    pub(crate) fn dressed(self, text: &Shown) -> String {
        let Some(columns) = self.columns() else { return text.as_str().to_owned() };
        let wrapped = text.wrapped(columns);
        if !obeys() || environment::is_set("NO_COLOR") {
            return wrapped.as_str().to_owned();
        }
        wrapped.as_str().split_inclusive('\n').map(coloured).collect()
    }
}

/// Whether lines can be drawn over on standard error.
pub(crate) fn is_animated() -> bool {
    Stream::Err.is_terminal() && obeys()
}

/// Whether both streams show the same: one terminal, or one file.
pub(crate) fn is_shared() -> bool {
    let both = (rustix::fs::fstat(io::stdout()), rustix::fs::fstat(io::stderr()));
    matches!(both, (Ok(out), Ok(err)) if (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino))
}

/// Whether the terminal obeys sequences.
fn obeys() -> bool {
    environment::variable("TERM").is_ok_and(|name| !name.is_empty() && name != "dumb")
}

/// The colour of a line's first word. Lines of others are indented, or begin with a name.
const COLOURS: [(&str, &str); 11] = [
    ("✓", "32"),
    ("✗", "31"),
    ("error:", "1;31"),
    ("warning:", "33"),
    ("note:", "33"),
    ("missing", "31"),
    ("ok ", "32"),
    ("help:", "36"),
    ("hint:", "36"),
    ("  help:", "36"),
    ("         fix:", "36"),
];

fn coloured(line: &str) -> String {
    match COLOURS.iter().find(|(word, _)| line.starts_with(word)) {
        None => line.to_owned(),
        Some((word, colour)) => {
            let first = word.trim();
            let (before, after) = line.split_once(first).unwrap_or_default();
            format!("{before}\u{1b}[{colour}m{first}\u{1b}[0m{after}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_has_a_colour() {
        assert_eq!(coloured("✓ done: ✗ ✓\n"), "\u{1b}[32m✓\u{1b}[0m done: ✗ ✓\n");
        assert_eq!(coloured("  help: do it\n"), "  \u{1b}[36mhelp:\u{1b}[0m do it\n");
        assert_eq!(coloured("ok       engine: x\n"), "\u{1b}[32mok\u{1b}[0m       engine: x\n");
        assert_eq!(coloured("output 0: error: x\n"), "output 0: error: x\n");
    }
}
