//! What clap says of arguments that it cannot take, and of those that ask for help. It repeats arguments, which may be
//! anybody's words, so that it is asked again with the arguments as they are shown.

use crate::arguments::Arguments;
use crate::{BAD_INPUT, failure};
use clap::{Error, Parser};
use longshore::shown::Word;

/// Prints help, or what is wrong, and gives the exit status back.
pub(crate) fn explain(error: &Error) -> u8 {
    if !error.use_stderr() {
        return printed(error);
    }
    let shown = std::env::args_os().map(|argument| String::from(Word::of(&argument.to_string_lossy())));
    match Arguments::try_parse_from(shown) {
        Err(error) => printed(&error),
        // It is only wrong as it was given.
        Ok(_) => failure::print(error, BAD_INPUT),
    }
}

fn printed(error: &Error) -> u8 {
    // Nobody reads a closed standard error.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT)
}
