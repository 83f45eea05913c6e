//! The command's standard output and standard error. Text is [`Shown`], a script's output passes through a [`Log`], and
//! JSON is escaped, so that none of it can control a terminal. `failure.rs` prints errors with their causes, from the
//! same types; no other module prints.

use longshore::shown::{LogFilter, Shown, Word, escaped};
use std::io::{self, IsTerminal, Write};

/// Prints to standard output, and returns the exit status; a closed pipe is not a failure.
pub(crate) fn out(text: &Shown) -> u8 {
    let _ = io::stdout().lock().write_all(text.as_str().as_bytes());
    0
}

/// Prints to standard error, which may be closed.
pub(crate) fn err(text: &Shown) {
    let _ = io::stderr().lock().write_all(text.as_str().as_bytes());
}

/// Prints a question on standard error, without a line break.
pub(crate) fn ask(question: &Word) -> io::Result<()> {
    io::stderr().lock().write_all(format!("{question} ").as_bytes())
}

/// Prints a file of this program's own to standard output, and returns the exit status; a closed pipe is not a failure.
pub(crate) fn file_out(text: &[u8]) -> u8 {
    let _ = io::stdout().lock().write_all(text);
    0
}

/// Prints one JSON value to standard output, over many lines, and returns the exit status.
pub(crate) fn json(value: &impl serde::Serialize) -> u8 {
    value_out(serde_json::to_string_pretty(value))
}

/// Prints one JSON value to standard output in one line, and returns the exit status.
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

/// Whether standard error is a terminal.
pub(crate) fn err_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Standard output for data, unless it is a terminal.
pub(crate) fn data_out() -> Option<Box<dyn Write + Send>> {
    (!io::stdout().is_terminal()).then(|| Box::new(io::stdout()) as Box<dyn Write + Send>)
}

/// A destination of a script's log: a terminal gets text and colours, anything else every byte unchanged.
#[derive(Debug)]
pub(crate) struct Log(Option<LogFilter>);

/// The bytes of a log that are printed.
#[derive(Debug, Default)]
pub(crate) struct Passed(Vec<u8>);

impl Log {
    /// A log for standard output.
    pub(crate) fn to_out() -> Self {
        Self(io::stdout().is_terminal().then(LogFilter::default))
    }

    /// A log for standard error.
    pub(crate) fn to_err() -> Self {
        Self(io::stderr().is_terminal().then(LogFilter::default))
    }

    /// Filters the next piece of the log.
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

    /// Prints it to standard output, which may be closed.
    pub(crate) fn out(&self) {
        let _ = io::stdout().lock().write_all(&self.0);
    }

    /// Prints it to standard error, which may be closed.
    pub(crate) fn err(&self) {
        let _ = io::stderr().lock().write_all(&self.0);
    }
}
