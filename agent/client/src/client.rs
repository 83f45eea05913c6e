//! The client: connecting, facts, and the script's last word. Inputs, outputs and reports have their own files.

use crate::chunks::Chunks;
use crate::error::ClientError;
use crate::inputs::{BATCH_ROWS, InputBatches, InputTable};
use crate::link::{Link, lock, unexpected};
use crate::outputs;
use crate::reports::Reports;
use arrow_array::RecordBatchReader;
use longshore_protocol::limits::TEXT_MAX;
use longshore_protocol::{
    ConnectionError, Frame, FromScript, Hello, Message, OutputName, Role, RunFacts, SocketConnection, Software,
    ToScript, VersionRange, Word,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How to connect.
pub struct ConnectSettings {
    /// The host's socket, as `LONGSHORE_SOCKET` names it.
    pub socket: PathBuf,
    /// The SDK, for messages to people.
    pub software: Software,
    /// Asked now and then while a call waits for the host; `true` ends the wait with [`ClientError::Interrupted`].
    pub interrupted: Box<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for ConnectSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectSettings").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// A script's connection to its host.
pub struct Client {
    link: Arc<Link>,
    reports: Reports,
    facts: RunFacts,
    descriptors: bool,
    writing: Mutex<HashMap<OutputName, Arc<Mutex<()>>>>,
    streamed: AtomicBool,
    word: Mutex<Option<Word>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Options may be secret.
        f.debug_struct("Client").field("run_id", &self.facts.run_id).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to the host of this run.
    ///
    /// # Errors
    /// [`ClientError::Connect`], [`ClientError::Refused`].
    pub fn connect(settings: ConnectSettings) -> Result<Self, ClientError> {
        let ConnectSettings { socket, software, interrupted } = settings;
        let failed = |source| ClientError::Connect { socket: socket.clone(), source };
        let mut connection = SocketConnection::connect(&socket).map_err(failed)?;
        let hello = Hello { role: Role::Script, protocol: VersionRange::SUPPORTED, software, descriptors: true };
        connection.sender.send(&Frame::new(&hello)).map_err(failed)?;
        let frame = connection.receiver.receive().map_err(failed)?;
        let frame = frame.ok_or_else(|| failed(ConnectionError::Closed { expected: "the host's welcome" }))?;
        let (facts, descriptors) = match ToScript::from_json(&frame.message).map_err(ConnectionError::from)? {
            ToScript::Welcome { run, descriptors, .. } => (run, descriptors),
            ToScript::Refused { reason } => return Err(ClientError::Refused { reason }),
            other => return Err(unexpected("welcome", &other)),
        };
        let link = Arc::new(Link::new(connection, interrupted));
        let reports = Reports::new(Arc::clone(&link));
        let (writing, streamed, word) = (Mutex::default(), AtomicBool::new(false), Mutex::default());
        Ok(Self { link, reports, facts, descriptors, writing, streamed, word })
    }

    /// The run's facts and options.
    #[must_use]
    pub fn facts(&self) -> &RunFacts {
        &self.facts
    }

    /// Reads a whole input, from 0; `None` where nothing is connected. Every read maps the memory anew, so changing
    /// what one read returned does not change the next.
    ///
    /// # Errors
    /// [`ClientError::Input`], [`ClientError::Ended`], [`ClientError::Streaming`], or the connection failed.
    pub fn read_input(&self, number: u32) -> Result<Option<InputTable>, ClientError> {
        self.check_batch("read_input")?;
        InputTable::read(&self.link, number)
    }

    /// Reads an input batch by batch, in bounded memory; `None` where nothing is connected.
    ///
    /// # Errors
    /// As [`Client::read_input`].
    pub fn read_batches(&self, number: u32) -> Result<Option<InputBatches>, ClientError> {
        self.check_batch("read_input")?;
        InputBatches::open(&self.link, number, BATCH_ROWS)
    }

    /// The input of a run that transforms a stream, chunk by chunk, in bounded memory. Once.
    ///
    /// # Errors
    /// [`ClientError::NotStreaming`], [`ClientError::Streamed`], and as [`Client::read_input`].
    pub fn chunks(&self) -> Result<Chunks, ClientError> {
        self.check_open("process_stream")?;
        let rows = self.facts.chunk_rows.filter(|_| self.facts.streaming).ok_or(ClientError::NotStreaming)?;
        if self.streamed.swap(true, Ordering::Relaxed) {
            return Err(ClientError::Streamed);
        }
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let batches = InputBatches::open(&self.link, 0, rows)?;
        Ok(Chunks::new(batches.ok_or(ClientError::NotStreaming)?))
    }

    /// Appends what became of a chunk to the run's output.
    ///
    /// # Errors
    /// As [`Client::write_output`].
    pub fn write_chunk(&self, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        self.check_open("process_stream")?;
        self.append(&OutputName::Number(0), data)
    }

    /// Appends a table to an output and waits until the host has it. Returns nothing that a script needs: an output
    /// that the host does not take is an error.
    ///
    /// # Errors
    /// [`ClientError::Output`], [`ClientError::Data`] where `data` fails, [`ClientError::Ended`],
    /// [`ClientError::Streaming`], or the connection failed.
    pub fn write_output(&self, output: &OutputName, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        self.check_batch("write_output")?;
        self.append(output, data)
    }

    fn append(&self, output: &OutputName, data: &mut dyn RecordBatchReader) -> Result<(), ClientError> {
        // Two threads that append to one output take turns.
        let turn = Arc::clone(lock(&self.writing).entry(output.clone()).or_default());
        let _turn = lock(&turn);
        outputs::write(&self.link, output, data, self.descriptors)
    }

    /// Shows a message. Of many in a short time only the last is sent.
    ///
    /// # Errors
    /// The connection failed.
    pub fn update_message(&self, text: &str) -> Result<(), ClientError> {
        self.reports.message(cut(text))
    }

    /// Shows how far the script is, from 0 to 1. Of many in a short time only the last is sent.
    ///
    /// # Errors
    /// [`ClientError::Progress`], or the connection failed.
    pub fn update_progress(&self, fraction: f64, text: Option<&str>) -> Result<(), ClientError> {
        if !fraction.is_finite() {
            return Err(ClientError::Progress { fraction });
        }
        self.reports.progress(fraction.clamp(0.0, 1.0), text.map(cut))
    }

    /// Shows and logs an error message; it ends nothing.
    ///
    /// # Errors
    /// The connection failed.
    pub fn error(&self, text: &str) -> Result<(), ClientError> {
        self.reports.flush()?;
        self.link.send(&FromScript::Error { text: cut(text) })
    }

    /// Says that an exception which nothing caught is about to end the script.
    ///
    /// # Errors
    /// The connection failed.
    pub fn uncaught(&self, summary: &str) -> Result<(), ClientError> {
        self.reports.flush()?;
        self.link.send(&FromScript::Uncaught { summary: cut(summary) })
    }

    /// Says the script's last word. The first one counts; later ones do nothing. Returns whether it was the first.
    ///
    /// # Errors
    /// The connection failed.
    pub fn conclude(&self, word: Word, message: Option<&str>) -> Result<bool, ClientError> {
        let mut said = lock(&self.word);
        if said.is_some() {
            return Ok(false);
        }
        self.reports.flush()?;
        self.link.send(&FromScript::Verdict { word, message: message.map(cut) })?;
        *said = Some(word);
        Ok(true)
    }

    /// Whether the script has said its last word.
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
