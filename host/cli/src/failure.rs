//! Errors on standard error, in one form: a line that begins with `error:`, then indented lines with its causes and what to
//! do. All of it may contain untrusted text.

use crate::{help, printer};
use longshore::Remedy;
use longshore::causes::texts;
use longshore::shown::Shown;
use std::error::Error;
use std::panic::Location;

/// Prints an error and returns the exit status.
pub(crate) fn print(error: &dyn Error, status: u8) -> u8 {
    print_advised(error, None, status)
}

/// Prints an error with advice, and returns the exit status.
pub(crate) fn print_advised(error: &dyn Error, remedy: Option<Remedy>, status: u8) -> u8 {
    let mut text = with_causes(error);
    advise(&mut text, remedy.as_ref().and_then(help::words));
    printer::err(&text);
    status
}

/// Prints a note.
pub(crate) fn print_note(note: &str) {
    printer::err(&Shown::line(format!("note: {note}")));
}

/// Prints a sentence and returns the exit status.
pub(crate) fn print_text(text: &str, status: u8) -> u8 {
    print_all(&[text], &[], status)
}

/// Prints several errors, each in lines of its own, with advice, and returns the exit status.
pub(crate) fn print_all(errors: &[impl AsRef<str>], remedies: &[Remedy], status: u8) -> u8 {
    print_helped(errors, remedies.iter().filter_map(help::words), status)
}

/// Prints several errors with advice in words, and returns the exit status.
pub(crate) fn print_helped(errors: &[impl AsRef<str>], help: impl IntoIterator<Item = String>, status: u8) -> u8 {
    let mut text = errors.iter().map(|error| Shown::line(format!("error: {}", error.as_ref()))).collect();
    advise(&mut text, help);
    printer::err(&text);
    status
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

fn with_causes(error: &dyn Error) -> Shown {
    let mut texts = texts(error).into_iter();
    let mut shown = Shown::line(format!("error: {}", texts.next().unwrap_or_default()));
    texts.for_each(|cause| shown.push(format!("  cause: {cause}")));
    shown
}

fn advise(text: &mut Shown, help: impl IntoIterator<Item = String>) {
    help.into_iter().for_each(|words| text.push(format!("  help: {words}")));
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

    #[test]
    fn causes_are_below_their_error() {
        let disk = std::io::Error::other("the disk is away");
        let error =
            std::io::Error::other(longshore_protocol::ConnectionError::Io { doing: "reading from", source: disk });
        let shown = with_causes(&error);
        assert_eq!(shown.as_str(), "error: reading from the connection failed\n  cause: the disk is away\n");
    }
}
