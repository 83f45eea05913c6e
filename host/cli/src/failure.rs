//! Errors on standard error: what failed and why, and what to do. All of it may contain untrusted text.

use crate::{help, printer};
use longshore::Remedy;
use longshore::shown::Shown;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use std::error::Error;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::panic::Location;

/// An error reduced to its text, its causes and advice.
#[derive(Debug, Default)]
struct Plain {
    text: Shown,
    cause: Option<Box<Plain>>,
    help: Shown,
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(trimmed(&self.text))
    }
}

impl Error for Plain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn Error + 'static))
    }
}

impl Diagnostic for Plain {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = trimmed(&self.help);
        (!help.is_empty()).then(|| Box::new(help) as Box<dyn fmt::Display>)
    }
}

fn trimmed(text: &Shown) -> &str {
    text.as_str().trim_end_matches('\n')
}

impl Plain {
    fn new(error: &dyn Error) -> Self {
        // Many errors repeat the text of their cause.
        let words = error.to_string();
        let cause = error.source().filter(|cause| !words.contains(&cause.to_string())).map(Self::new);
        Self { text: Shown::line(words), cause: cause.map(Box::new), help: Shown::default() }
    }

    fn advised<'a>(self, remedies: impl IntoIterator<Item = &'a Remedy>) -> Self {
        Self { help: remedies.into_iter().filter_map(help::words).map(Shown::line).collect(), ..self }
    }
}

/// Prints an error and returns the exit status.
pub(crate) fn print(error: &dyn Error, status: u8) -> u8 {
    print_plain(&Plain::new(error), status)
}

/// Prints an error with advice, and returns the exit status.
pub(crate) fn print_advised(error: &dyn Error, remedy: Option<Remedy>, status: u8) -> u8 {
    print_plain(&Plain::new(error).advised(&remedy), status)
}

/// Prints a note.
pub(crate) fn print_note(note: &str) {
    printer::err(&Shown::line(format!("note: {note}")));
}

/// Prints a sentence and returns the exit status.
pub(crate) fn print_text(text: &str, status: u8) -> u8 {
    print_plain(&Plain { text: Shown::line(text), ..Plain::default() }, status)
}

/// Prints several errors, each in lines of its own, with advice, and returns the exit status.
pub(crate) fn print_all(errors: &[String], remedies: &[Remedy], status: u8) -> u8 {
    let text = errors.iter().map(Shown::line).collect();
    print_plain(&Plain { text, ..Plain::default() }.advised(remedies), status)
}

/// Makes a panic print one line. Panics of libraries that read users' files are caught before: they are errors of the
/// files.
pub(crate) fn panics_are_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload().downcast_ref::<String>().map(String::as_str);
        let words = text.or(panic.payload().downcast_ref::<&str>().copied()).unwrap_or("panic without a message");
        print_text(&bug(words, panic.location()), 3);
    }));
}

fn bug(words: &str, place: Option<&Location<'_>>) -> String {
    let words = words.lines().next().unwrap_or_default();
    let place = place.map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
    format!("this is a bug in longshore {}: {words}{place}: please report it", env!("CARGO_PKG_VERSION"))
}

fn print_plain(error: &Plain, status: u8) -> u8 {
    let stderr = std::io::stderr();
    let theme = if stderr.is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_width(usize::MAX / 2);
    let mut text = String::new();
    if handler.render_report(&mut text, error).is_err() {
        text = format!("{error}\n");
    }
    // A closed standard error has no reader.
    let _ = stderr.lock().write_all(text.as_bytes());
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_line_that_says_whose_fault_it_is() {
        let (here, line) = (Location::caller(), line!());
        let said = bug("index out of bounds: the len is 3\nbut the index is 7", Some(here));
        assert_eq!(
            said,
            format!(
                "this is a bug in longshore {}: index out of bounds: the len is 3 ({}:{line}): please report it",
                env!("CARGO_PKG_VERSION"),
                file!()
            )
        );
    }
}
