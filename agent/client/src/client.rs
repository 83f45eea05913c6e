//! The client: connecting, facts, and the script's verdict. Inputs, outputs, reports and dry runs have their own files.

use crate::chunks::Chunks;
use crate::dry_run::DryRun;
use crate::error::ClientError;
use crate::inputs::{BATCH_ROWS, InputBatches, InputTable};
use crate::link::{Link, lock, unexpected};
use crate::names::InputName;
use crate::outputs;
use crate::reports::Reports;
use arrow_array::RecordBatchReader;
use longshore_protocol::limits::TEXT_MAX;
use longshore_protocol::{
    ConnectionError, FromScript, Hello, OutputName, Role, RunFacts, SocketConnection, Software, ToScript, VersionRange,
    Word,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How to connect.
pub struct ConnectSettings {
    /// The host's socket, from `LONGSHORE_SOCKET`: set in a run.
    pub socket: Option<PathBuf>,
    /// The folder that replaces a host, from `LONGSHORE_DRY_RUN`; used if there is no socket.
    pub dry_run: Option<PathBuf>,
    /// The SDK's name and version, for messages.
    pub software: Software,
    /// Called regularly while a call waits for the host; `true` ends the wait with [`ClientError::Interrupted`].
    pub interrupted: Box<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for ConnectSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ConnectSettings");
        shown.field("socket", &self.socket).field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// A script's connection to its host, or to the folder of a dry run.
pub struct Client {
    side: Side,
    reports: Reports,
    facts: RunFacts,
    streamed: AtomicBool,
    word: Mutex<Option<Word>>,
    process: u32,
}

/// The other side of the client.
enum Side {
    Host { link: Arc<Link>, descriptors: bool, writing: Mutex<HashMap<OutputName, Arc<Mutex<()>>>> },
    Folder(Arc<DryRun>),
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Options may be secret.
        f.debug_struct("Client").field("run_id", &self.facts.run_id).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to the host of this run, or opens the folder of a dry run.
    ///
    /// # Errors
    /// [`ClientError::NotInRun`], [`ClientError::Connect`], [`ClientError::Refused`], [`ClientError::DryRun`].
    pub fn connect(settings: ConnectSettings) -> Result<Self, ClientError> {
        let ConnectSettings { socket, dry_run, software, interrupted } = settings;
        match (socket, dry_run) {
            (Some(socket), _) => Self::to_host(&socket, software, interrupted),
            (None, Some(folder)) => {
                let (dry_run, facts) = DryRun::open(&folder)?;
                let dry_run = Arc::new(dry_run);
                let shown = Arc::clone(&dry_run);
                let reports = Reports::new(move |report| {
                    shown.show(report);
                    Ok(())
                });
                Ok(Self::new(Side::Folder(dry_run), reports, facts))
            }
            (None, None) => Err(ClientError::NotInRun),
        }
    }

    fn to_host(
        socket: &Path,
        software: Software,
        interrupted: Box<dyn Fn() -> bool + Send + Sync>,
    ) -> Result<Self, ClientError> {
        let failed = |source| ClientError::Connect { socket: socket.to_owned(), source };
        let connection = SocketConnection::connect(socket).map_err(failed)?;
        Self::over(connection, software, interrupted).map_err(|error| match error {
            ClientError::Connection(source) => failed(source),
            other => other,
        })
    }

    /// Greets the host of this run over an existing connection. If it passes no descriptors, tables are sent inline in
    /// both directions.
    ///
    /// # Errors
    /// [`ClientError::Connection`], [`ClientError::Refused`].
    pub fn over(
        mut connection: SocketConnection<ToScript>,
        software: Software,
        interrupted: Box<dyn Fn() -> bool + Send + Sync>,
    ) -> Result<Self, ClientError> {
        let descriptors = connection.passes_descriptors();
        connection.sender.send(&Hello {
            role: Role::Script,
            protocol: VersionRange::SUPPORTED,
            software,
            descriptors,
            capabilities: Vec::new(),
        })?;
        let answer = connection.receiver.receive()?;
        let (answer, _) = answer.ok_or(ConnectionError::Closed { expected: "the host's welcome" })?;
        let (facts, descriptors) = match answer {
            ToScript::Welcome { run, descriptors, .. } => (run, descriptors),
            ToScript::Refused { reason } => return Err(ClientError::Refused { reason }),
            other => return Err(unexpected("welcome", &other)),
        };
        connection.agree(descriptors).map_err(ConnectionError::from)?;
        let link = Arc::new(Link::new(connection, interrupted));
        let sender = Arc::clone(&link);
        let reports = Reports::new(move |report| sender.send(report));
        let side = Side::Host { link, descriptors, writing: Mutex::default() };
        Ok(Self::new(side, reports, facts))
    }

    fn new(side: Side, reports: Reports, facts: RunFacts) -> Self {
        let (streamed, word) = (AtomicBool::new(false), Mutex::default());
        Self { side, reports, facts, streamed, word, process: std::process::id() }
    }

    /// The run's facts and options.
    #[must_use]
    pub fn facts(&self) -> &RunFacts {
        &self.facts
    }

    /// Reads a whole input; `None` if nothing is connected. Every read maps the memory again, so changing the result of
    /// one read does not change the next.
    ///
    /// # Errors
    /// [`ClientError::Input`], [`ClientError::UnknownInput`], [`ClientError::Ended`], [`ClientError::Streaming`], or
    /// the connection failed.
    pub fn read_input(&self, input: &InputName) -> Result<Option<InputTable>, ClientError> {
        self.check_batch("read_input")?;
        match &self.side {
            Side::Host { link, .. } => InputTable::read(link, self.number(input)?, input),
            Side::Folder(dry_run) => dry_run.read_input(input),
        }
    }

    /// Reads an input batch by batch, in bounded memory; `None` if nothing is connected.
    ///
    /// # Errors
    /// As [`Client::read_input`].
    pub fn read_batches(&self, input: &InputName) -> Result<Option<InputBatches>, ClientError> {
        self.check_batch("read_input")?;
        self.batches(input, BATCH_ROWS)
    }

    /// The input of a run that transforms a stream, chunk by chunk, in bounded memory. Can be called once. A dry run
    /// without a manifest that sets the mode takes input 0 as the stream.
    ///
    /// # Errors
    /// [`ClientError::NotStreaming`], [`ClientError::Streamed`], and as [`Client::read_input`].
    pub fn chunks(&self) -> Result<Chunks, ClientError> {
        self.check_open("process_stream")?;
        let rows = match &self.side {
            Side::Folder(dry_run) if !dry_run.is_prepared() => u32::try_from(BATCH_ROWS).ok(),
            Side::Folder(_) | Side::Host { .. } => self.facts.chunk_rows.filter(|_| self.facts.streaming),
        };
        let rows = rows.and_then(|rows| usize::try_from(rows).ok()).ok_or(ClientError::NotStreaming)?;
        if self.streamed.swap(true, Ordering::Relaxed) {
            return Err(ClientError::Streamed);
        }
        let input = InputName::Number(0);
        let batches = self.batches(&input, rows)?;
        let unconnected = || ClientError::Input { input, reason: "nothing is connected".into() };
        Ok(Chunks::new(batches.ok_or_else(unconnected)?))
    }

    /// Appends the result of a chunk to the run's output.
    ///
    /// # Errors
    /// As [`Client::write_output`].
    pub fn write_chunk(&self, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        self.check_open("process_stream")?;
        self.append(&OutputName::Number(0), data)
    }

    /// Appends a table to an output and waits until the host has accepted it. A table that the host refuses is an
    /// error.
    ///
    /// # Errors
    /// [`ClientError::Output`], [`ClientError::Data`] if `data` fails, [`ClientError::Ended`],
    /// [`ClientError::Streaming`], or the connection failed.
    pub fn write_output(&self, output: &OutputName, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        self.check_batch("write_output")?;
        self.append(output, data)
    }

    fn batches(&self, input: &InputName, rows_max: usize) -> Result<Option<InputBatches>, ClientError> {
        match &self.side {
            Side::Host { link, .. } => InputBatches::open(link, self.number(input)?, input, rows_max),
            Side::Folder(dry_run) => dry_run.read_batches(input),
        }
    }

    fn number(&self, input: &InputName) -> Result<u32, ClientError> {
        Ok(input.number(self.facts.inputs.as_deref())?)
    }

    fn append(&self, output: &OutputName, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        match &self.side {
            Side::Host { link, descriptors, writing } => {
                // Two threads that append to one output take turns.
                let turn = Arc::clone(lock(writing).entry(output.clone()).or_default());
                let _turn = lock(&turn);
                outputs::write(link, output, data, *descriptors)
            }
            Side::Folder(dry_run) => dry_run.write_output(output, data),
        }
    }

    /// Replaces a message that has not been sent yet, as most calls of [`Client::update_message`] do in a script that
    /// reports in every turn of a loop. Never waits; `false` if there is no such message.
    #[must_use]
    pub fn replace_message(&self, text: &str) -> bool {
        text.len() <= TEXT_MAX && self.reports.replace_message(text)
    }

    /// Replaces progress that has not been sent yet, as [`Client::replace_message`] does.
    #[must_use]
    pub fn replace_progress(&self, fraction: f64, text: Option<&str>) -> bool {
        let fits = fraction.is_finite() && text.is_none_or(|text| text.len() <= TEXT_MAX);
        fits && self.reports.replace_progress(fraction.clamp(0.0, 1.0), text)
    }

    /// Whether this is the process that connected. A forked one shares the connection, and must not use it.
    #[must_use]
    pub fn is_here(&self) -> bool {
        std::process::id() == self.process
    }

    /// Shows a message. Of many in a short time only the last is sent.
    ///
    /// # Errors
    /// The connection failed.
    pub fn update_message(&self, text: &str) -> Result<(), ClientError> {
        self.reports.message(cut(text))
    }

    /// Shows the script's progress, from 0 to 1. Of many in a short time only the last is sent.
    ///
    /// # Errors
    /// [`ClientError::Progress`], or the connection failed.
    pub fn update_progress(&self, fraction: f64, text: Option<&str>) -> Result<(), ClientError> {
        if !fraction.is_finite() {
            return Err(ClientError::Progress { fraction });
        }
        self.reports.progress(fraction.clamp(0.0, 1.0), text.map(cut))
    }

    /// Shows and logs an error message; the run continues.
    ///
    /// # Errors
    /// The connection failed.
    pub fn error(&self, text: &str) -> Result<(), ClientError> {
        self.reports.now(&FromScript::Error { text: cut(text) })
    }

    /// Reports an uncaught exception that is about to end the script.
    ///
    /// # Errors
    /// The connection failed.
    pub fn uncaught(&self, summary: &str) -> Result<(), ClientError> {
        if let Side::Folder(dry_run) = &self.side {
            dry_run.give_up();
        }
        self.reports.now(&FromScript::Uncaught { summary: cut(summary) })
    }

    /// Gives the script's verdict. The first one counts; later ones do nothing. Returns whether it was the first.
    ///
    /// # Errors
    /// The connection failed.
    pub fn conclude(&self, word: Word, message: Option<&str>) -> Result<bool, ClientError> {
        let mut said = lock(&self.word);
        if said.is_some() {
            return Ok(false);
        }
        let message = message.map(cut);
        if let Side::Folder(dry_run) = &self.side {
            self.reports.flush()?;
            dry_run.conclude(word, message.as_deref())?;
        } else {
            self.reports.now(&FromScript::Verdict { word, message })?;
        }
        *said = Some(word);
        Ok(true)
    }

    /// The script ends. In a run the host notices that itself; a dry run publishes the outputs of a script that ends
    /// without a verdict.
    ///
    /// # Errors
    /// [`ClientError::DryRun`].
    pub fn end(&self) -> Result<(), ClientError> {
        match &self.side {
            Side::Folder(dry_run) if !self.has_concluded() => {
                self.reports.flush()?;
                dry_run.end()
            }
            Side::Folder(_) | Side::Host { .. } => Ok(()),
        }
    }

    /// Ends a dry run in favour of a new one, as when a cell of a notebook is run again: outputs that were not published
    /// are discarded. Returns `false` for a run, and changes nothing then.
    #[must_use]
    pub fn replace_dry_run(&self) -> bool {
        let Side::Folder(dry_run) = &self.side else { return false };
        dry_run.give_up();
        lock(&self.word).get_or_insert(Word::Cancel);
        true
    }

    /// Whether the script has given its verdict.
    #[must_use]
    pub fn has_concluded(&self) -> bool {
        lock(&self.word).is_some()
    }

    fn check_batch(&self, call: &'static str) -> Result<(), ClientError> {
        self.check_open(call)?;
        if self.facts.streaming { Err(ClientError::Streaming { call }) } else { Ok(()) }
    }

    fn check_open(&self, call: &'static str) -> Result<(), ClientError> {
        match *lock(&self.word) {
            Some(Word::Commit | Word::Close) => Err(ClientError::Ended { call }),
            Some(Word::Cancel | Word::Abort) | None => Ok(()),
        }
    }
}

fn cut(text: &str) -> String {
    const NOTE: &str = " … (cut)";
    if text.len() <= TEXT_MAX {
        return text.to_owned();
    }
    let mut end = TEXT_MAX - NOTE.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{NOTE}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let cut = cut(&"é".repeat(TEXT_MAX));
        assert!(cut.len() <= TEXT_MAX && cut.ends_with("é … (cut)"), "{} bytes", cut.len());
        assert_eq!(super::cut("short"), "short");
    }
}
