//! The command's standard output and standard error, which nothing else of it writes to. Whatever a person reads is
//! [`Shown`], what a script printed is a [`Log`]'s, and JSON is escaped: none of it can make a terminal do anything.
//! Errors with their causes are laid out in `failure.rs`, out of the same types.

use longshore::shown::{LogFilter, Shown, Word, escaped};
use std::io::{self, IsTerminal, Write};

/// Prints to standard output, and gives the exit status back; a reader that has gone is no failure.
pub(crate) fn out(text: &Shown) -> u8 {
    let _ = io::stdout().lock().write_all(text.as_str().as_bytes());
    0
}

/// Prints to standard error, whose reader may have gone.
pub(crate) fn err(text: &Shown) {
    let _ = io::stderr().lock().write_all(text.as_str().as_bytes());
}

/// Begins a line on standard error, which the answer ends.
pub(crate) fn ask(question: &Word) -> io::Result<()> {
    io::stderr().lock().write_all(format!("{question} ").as_bytes())
}

/// Prints one JSON value to standard output, over many lines, and gives the exit status back.
pub(crate) fn json(value: &impl serde::Serialize) -> u8 {
    value_out(serde_json::to_string_pretty(value))
}

/// Prints one JSON value to standard output in one line, and gives the exit status back.
pub(crate) fn json_line(value: &impl serde::Serialize) -> u8 {
    value_out(serde_json::to_string(value))
}

fn value_out(text: serde_json::Result<String>) -> u8 {
    match text {
        Ok(text) => {
            let _ = io::stdout().lock().write_all(format!("{}\n", escaped(&text)).as_bytes());
            0
        }
        Err(error) => {
            err(&Shown::line(format!("error: cannot print JSON: {error}")));
            3
        }
    }
}

/// Whether a person sees standard error as it comes.
pub(crate) fn err_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Standard output for data, unless a terminal would get it.
pub(crate) fn data_out() -> Option<Box<dyn Write + Send>> {
    (!io::stdout().is_terminal()).then(|| Box::new(io::stdout()) as Box<dyn Write + Send>)
}

/// Where a script's log goes: to a terminal its text and colours, elsewhere every byte as it is.
#[derive(Debug)]
pub(crate) struct Log(Option<LogFilter>);

/// What is printed of a log.
#[derive(Debug, Default)]
pub(crate) struct Passed(Vec<u8>);

impl Log {
    /// One that goes to standard output.
    pub(crate) fn to_out() -> Self {
        Self(io::stdout().is_terminal().then(LogFilter::default))
    }

    /// One that goes to standard error.
    pub(crate) fn to_err() -> Self {
        Self(io::stderr().is_terminal().then(LogFilter::default))
    }

    /// The next piece of it.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Passed {
        Passed(self.0.as_mut().map_or_else(|| bytes.to_vec(), |filter| filter.pass(bytes)))
    }
}

impl Passed {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what follows begins a line.
    pub(crate) fn ends_a_line(&self) -> bool {
        self.0.ends_with(b"\n") || self.0.ends_with(b"\n\x1b[0m")
    }

    /// Prints it to standard output, whose reader may have gone.
    pub(crate) fn out(&self) {
        let _ = io::stdout().lock().write_all(&self.0);
    }

    /// Prints it to standard error, whose reader may have gone.
    pub(crate) fn err(&self) {
        let _ = io::stderr().lock().write_all(&self.0);
    }
}
