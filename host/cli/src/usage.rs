//! Help, and clap's errors about arguments. An error repeats arguments, which may be untrusted text: arguments are
//! escaped and parsed a second time, for an error that can be printed.

use crate::arguments::Arguments;
use crate::{BAD_INPUT, failure};
use clap::{Error, Parser};
use longshore::shown::Word;

/// Prints help or the error, and returns the exit status.
pub(crate) fn explain(error: &Error) -> u8 {
    if !error.use_stderr() {
        return printed(error);
    }
    let shown = std::env::args_os().map(|argument| String::from(Word::of(&argument.to_string_lossy())));
    match Arguments::try_parse_from(shown) {
        Err(error) => printed(&error),
        // The escaped arguments parse, only the original ones do not.
        Ok(_) => failure::print(error, BAD_INPUT),
    }
}

fn printed(error: &Error) -> u8 {
    // A closed standard error has no reader.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT)
}
