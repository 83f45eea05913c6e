//! What belongs to a run and is sent along: files of its block, tables, open files.

use crate::error::CallerError;
use crate::outgoing::Outgoing;
use crate::patience::Patience;
use crate::run::Run;
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{ConnectionError, FromCaller, Payload, Receiver, Sender, ToCaller};
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
    patience: Patience,
    /// The step that what is sent belongs to.
    step: u32,
}

impl Submitting {
    pub(crate) fn new(
        sender: Sender,
        receiver: Receiver<ToCaller>,
        passes_descriptors: bool,
        patience: Patience,
    ) -> Self {
        Self { outgoing: Outgoing::new(sender), receiver, passes_descriptors, patience, step: 0 }
    }

    pub(crate) fn send(&mut self, message: &FromCaller) -> Result<(), CallerError> {
        self.send_with(message, Payload::None)
    }

    fn send_with(&mut self, message: &FromCaller, payload: Payload) -> Result<(), CallerError> {
        self.outgoing.send(message, payload, &mut self.patience)
    }

    /// What is sent from now on belongs to this step of a chain. It is the first one before.
    pub fn of_step(&mut self, step: u32) {
        self.step = step;
    }

    /// Sends a file of the block. `path` is relative to the block's folder, with `/` between its parts.
    ///
    /// # Errors
    /// [`CallerError`]: the file cannot be read, or the connection failed.
    pub fn file(&mut self, path: &str, executable: bool, content: impl Read) -> Result<(), CallerError> {
        let failed = |source| CallerError::File { path: path.to_owned(), source };
        let step = self.step;
        let message = |last| FromCaller::File { step, path: path.to_owned(), executable, last };
        self.parts(content, message).map_err(|error| error.or(failed))
    }

    /// Sends the table of an input, by its position in the submission: a segment with an Arrow IPC stream. It is not
    /// copied where descriptors pass.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn table(&mut self, input: u32, table: &Segment) -> Result<(), CallerError> {
        let step = self.step;
        if self.passes_descriptors {
            let payload = Payload::Descriptor { descriptor: table.share()?, length: table.length() };
            return self.send_with(&FromCaller::Table { step, input, last: true }, payload);
        }
        for (offset, length, last) in table.pieces(INLINE_MAX) {
            if self.outgoing.is_closed() {
                break;
            }
            let bytes = table.copy_out(offset, length)?;
            self.send_with(&FromCaller::Table { step, input, last }, Payload::Inline(bytes))?;
        }
        Ok(())
    }

    /// Sends an open file for an input, by its position in the submission.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn source(&mut self, input: u32, file: OwnedFd) -> Result<(), CallerError> {
        let payload = Payload::Descriptor { descriptor: file, length: 0 };
        self.send_with(&FromCaller::Source { step: self.step, input }, payload)
    }

    /// Sends an open file for an output, by its position in the submission.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn sink(&mut self, output: u32, file: OwnedFd) -> Result<(), CallerError> {
        let payload = Payload::Descriptor { descriptor: file, length: 0 };
        self.send_with(&FromCaller::Sink { step: self.step, output }, payload)
    }

    /// Starts the run, once the host has received all that it needs. After an error nothing was started.
    ///
    /// # Errors
    /// [`CallerError`].
    pub fn start(mut self) -> Result<Run, CallerError> {
        self.send(&FromCaller::Sent)?;
        let expected = "received";
        let (answer, payload) =
            self.patience.receive(&mut self.receiver)?.ok_or(ConnectionError::Closed { expected })?;
        let refused = match answer {
            ToCaller::Received => {
                // The host has read all before: there is room for it.
                self.send(&FromCaller::Start)?;
                None
            }
            ToCaller::Refused { reason } => return Err(CallerError::Refused { reason }),
            // The reason why it cannot be made.
            other => Some((other, payload)),
        };
        Ok(Run::new(self.outgoing, self.receiver, refused))
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
            self.send_with(&message(last), payload).map_err(PartError::Sending)?;
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
