//! Failures that people read: what went wrong and why, on standard error.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use std::error::Error;
use std::fmt;
use std::io::{IsTerminal, Write};

/// An error without anything but its words and causes.
#[derive(Debug)]
struct Plain(String, Option<Box<Plain>>);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Plain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_ref().map(|cause| &**cause as &(dyn Error + 'static))
    }
}

impl Diagnostic for Plain {}

impl Plain {
    fn new(error: &dyn Error) -> Self {
        // Many errors repeat their cause in their own words.
        let cause = error.source().map(Self::new).filter(|cause| !error.to_string().contains(&cause.0));
        Self(error.to_string(), cause.map(Box::new))
    }
}

/// Prints an error and gives the exit status back.
pub(crate) fn print(error: &dyn Error, status: u8) -> u8 {
    print_plain(&Plain::new(error), status)
}

/// Prints what was seen, and then the error.
pub(crate) fn print_after(seen: &str, error: &dyn Error, status: u8) -> u8 {
    // Nobody reads a closed standard error.
    let _ = std::io::stderr().lock().write_all(seen.as_bytes());
    print(error, status)
}

/// Prints something to know.
pub(crate) fn print_note(note: &str) {
    // Nobody reads a closed standard error.
    let _ = std::io::stderr().lock().write_all(format!("note: {note}\n").as_bytes());
}

/// Prints a sentence and gives the exit status back.
pub(crate) fn print_text(text: &str, status: u8) -> u8 {
    print_plain(&Plain(text.to_owned(), None), status)
}

fn print_plain(error: &Plain, status: u8) -> u8 {
    let stderr = std::io::stderr();
    let theme = if stderr.is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_width(usize::MAX / 2);
    let mut text = String::new();
    if handler.render_report(&mut text, error).is_err() {
        text = format!("{error}\n");
    }
    // Nobody reads a closed standard error.
    let _ = stderr.lock().write_all(text.as_bytes());
    status
}
