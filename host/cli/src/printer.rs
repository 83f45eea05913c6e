//! The command's standard output and standard error. Text is [`Shown`], a script's output passes through a [`Log`], and
//! JSON is escaped, so that none of it can control a terminal. No other module prints text.

use crate::terminal::Stream;
use longshore::shown::{LogFilter, Shown, Word, escaped};
use std::io::{self, IsTerminal, Write};

/// Prints to standard output, and returns the exit status; a closed pipe is not a failure.
pub(crate) fn out(text: &Shown) -> u8 {
    let _ = write(Stream::Out, Stream::Out.dressed(text).as_bytes());
    0
}

/// Prints to standard error, which may be closed.
pub(crate) fn err(text: &Shown) {
    let _ = write(Stream::Err, Stream::Err.dressed(text).as_bytes());
}

/// Prints a question on standard error, without a line break.
pub(crate) fn ask(question: &Word) -> io::Result<()> {
    write(Stream::Err, format!("{question} ").as_bytes())
}

/// Ends a line that a script began.
pub(crate) fn end_line(stream: Stream) {
    let _ = write(stream, b"\n");
}

/// Prints a file of this program's own to standard output, and returns the exit status; a closed pipe is not a failure.
pub(crate) fn file_out(text: &[u8]) -> u8 {
    let _ = io::stdout().lock().write_all(text);
    0
}

/// Prints one JSON value to standard output, over many lines, and returns the exit status.
pub(crate) fn json(value: &impl serde::Serialize) -> u8 {
    // A closed pipe is not a failure.
    let _ = value_out(serde_json::to_string_pretty(value));
    0
}

/// Prints one JSON value to standard output in one line.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn json_line(value: &impl serde::Serialize) -> io::Result<()> {
    value_out(serde_json::to_string(value))
}

fn value_out(text: serde_json::Result<String>) -> io::Result<()> {
    write(Stream::Out, format!("{}\n", escaped(&text?)).as_bytes())
}

fn write(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Stream::Err => io::stderr().lock().write_all(bytes),
    }
}

/// Standard output for data, unless it is a terminal.
pub(crate) fn data_out() -> Option<Box<dyn Write + Send>> {
    (!io::stdout().is_terminal()).then(|| Box::new(io::stdout()) as Box<dyn Write + Send>)
}

/// A destination of a script's log: a terminal gets text and colours, anything else every byte unchanged.
#[derive(Debug)]
pub(crate) struct Log {
    stream: Stream,
    filter: Option<LogFilter>,
}

/// The bytes of a log that are printed.
#[derive(Debug)]
pub(crate) struct Passed {
    stream: Stream,
    bytes: Vec<u8>,
}

impl Log {
    /// A log that is shown on a stream.
    pub(crate) fn to(stream: Stream) -> Self {
        Self { stream, filter: stream.is_terminal().then(LogFilter::default) }
    }

    /// The stream.
    pub(crate) fn stream(&self) -> Stream {
        self.stream
    }

    /// Filters the next piece of the log.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Passed {
        let bytes = self.filter.as_mut().map_or_else(|| bytes.to_vec(), |filter| filter.pass(bytes));
        Passed { stream: self.stream, bytes }
    }
}

impl Passed {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether what follows begins a line.
    pub(crate) fn ends_a_line(&self) -> bool {
        self.bytes.ends_with(b"\n") || self.bytes.ends_with(b"\n\x1b[0m")
    }

    /// Prints it.
    ///
    /// # Errors
    /// If the stream is closed.
    pub(crate) fn write(&self) -> io::Result<()> {
        write(self.stream, &self.bytes)
    }
}
