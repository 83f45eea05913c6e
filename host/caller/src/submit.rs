//! What belongs to a run and is sent along: files of its block, tables, open files.

use crate::error::CallerError;
use crate::outgoing::Outgoing;
use crate::run::Run;
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{FromCaller, Payload, Receiver, Sender, ToCaller};
use longshore_segment::Segment;
use std::io::Read;
use std::os::fd::OwnedFd;

/// A run that is asked for, until it is started. Dropping it ends the connection, and nothing is run.
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct Submitting {
    outgoing: Outgoing,
    receiver: Receiver<ToCaller>,
    passes_descriptors: bool,
}

impl Submitting {
    pub(crate) fn new(sender: Sender, receiver: Receiver<ToCaller>, passes_descriptors: bool) -> Self {
        Self { outgoing: Outgoing::new(sender), receiver, passes_descriptors }
    }

    pub(crate) fn send(&mut self, message: &FromCaller) -> Result<(), CallerError> {
        Ok(self.outgoing.send(message, Payload::None)?)
    }

    /// Sends a file of the block. `path` is relative to the block's folder, with `/` between its parts.
    ///
    /// # Errors
    /// [`CallerError`]: the file cannot be read, or the connection failed.
    pub fn file(&mut self, path: &str, executable: bool, content: impl Read) -> Result<(), CallerError> {
        let failed = |source| CallerError::File { path: path.to_owned(), source };
        let message = |last| FromCaller::File { path: path.to_owned(), executable, last };
        self.parts(content, message).map_err(|error| error.or(failed))
    }

    /// Sends the table of an input, by its position in the submission: a segment with an Arrow IPC stream. It is not
    /// copied where descriptors pass.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn table(&mut self, input: u32, table: &Segment) -> Result<(), CallerError> {
        if self.passes_descriptors {
            let payload = Payload::Descriptor { descriptor: table.share()?, length: table.length() };
            return Ok(self.outgoing.send(&FromCaller::Table { input, last: true }, payload)?);
        }
        for (offset, length, last) in table.pieces(INLINE_MAX) {
            if self.outgoing.is_closed() {
                break;
            }
            let bytes = table.copy_out(offset, length)?;
            self.outgoing.send(&FromCaller::Table { input, last }, Payload::Inline(bytes))?;
        }
        Ok(())
    }

    /// Sends an open file for an input, by its position in the submission.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn source(&mut self, input: u32, file: OwnedFd) -> Result<(), CallerError> {
        let payload = Payload::Descriptor { descriptor: file, length: 0 };
        Ok(self.outgoing.send(&FromCaller::Source { input }, payload)?)
    }

    /// Sends an open file for an output, by its position in the submission.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn sink(&mut self, output: u32, file: OwnedFd) -> Result<(), CallerError> {
        let payload = Payload::Descriptor { descriptor: file, length: 0 };
        Ok(self.outgoing.send(&FromCaller::Sink { output }, payload)?)
    }

    /// Starts the run.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn start(mut self) -> Result<Run, CallerError> {
        self.send(&FromCaller::Start)?;
        Ok(Run::new(self.outgoing, self.receiver))
    }

    /// Sends content in parts, each with a message that says whether it is the last.
    fn parts(&mut self, mut content: impl Read, message: impl Fn(bool) -> FromCaller) -> Result<(), PartError> {
        let mut next = part(&mut content)?;
        loop {
            let bytes = next;
            // A full part may be the last one.
            next = if bytes.len() < INLINE_MAX { Vec::new() } else { part(&mut content)? };
            let last = next.is_empty();
            let payload = if bytes.is_empty() { Payload::None } else { Payload::Inline(bytes) };
            self.outgoing.send(&message(last), payload).map_err(|error| PartError::Sending(error.into()))?;
            if last || self.outgoing.is_closed() {
                return Ok(());
            }
        }
    }
}

/// A part of a content cannot be read or sent.
enum PartError {
    Reading(std::io::Error),
    Sending(CallerError),
}

impl PartError {
    fn or(self, reading: impl FnOnce(std::io::Error) -> CallerError) -> CallerError {
        match self {
            Self::Reading(error) => reading(error),
            Self::Sending(error) => error,
        }
    }
}

fn part(content: &mut impl Read) -> Result<Vec<u8>, PartError> {
    let mut bytes = Vec::new();
    content.take(INLINE_MAX as u64).read_to_end(&mut bytes).map_err(PartError::Reading)?;
    Ok(bytes)
}
