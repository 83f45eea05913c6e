//! A run that was started: what happens in it, until its record. Owns the putting together of tables and records that
//! come in parts.

use crate::error::CallerError;
use crate::outgoing::Outgoing;
use crate::patience::{Patience, is_ready, would_block};
use longshore_protocol::{FromCaller, LogSource, Message, Payload, Receiver, Rejection, ToCaller};
use longshore_segment::{Segment, SegmentFile};
use rustix::event::PollFlags;
use serde_json::{Map, Value};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most bytes of a record that are kept. A host's largest has as many parts as a run can have.
const RECORD_MAX: usize = 256 << 20;

/// A run. Dropping it ends the connection, and the host ends the run.
#[derive(Debug)]
#[must_use = "dropping it ends the run"]
pub struct Run {
    receiver: Receiver<ToCaller>,
    /// What was received before it was started.
    first: Option<(ToCaller, Payload)>,
    canceller: Canceller,
    /// The table that is coming in parts.
    table: Option<(Of, SegmentFile)>,
    record: Vec<u8>,
    has_ended: bool,
}

/// Ends a run from another thread; clones end the same.
#[derive(Debug, Clone)]
pub struct Canceller(Arc<Mutex<Outgoing>>);

/// Something that happened in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Happening {
    /// An event: an object in which `event` names its kind. The first is `begun`, with the run's id.
    Event(Map<String, Value>),
    /// Bytes that the script printed.
    Log(LogSource, Vec<u8>),
    /// A table that the run returns.
    Table(ReturnedTable),
    /// A table of an output without a target.
    Other(ReturnedTable),
    /// The run cannot be made. The last happening.
    Rejected(Rejection),
    /// The run's record, as the history keeps it. The last happening.
    Record(Value),
}

/// A table that a run returns.
#[derive(Debug)]
pub struct ReturnedTable {
    /// The position of the step that wrote it, in a chain; else 0.
    pub step: u32,
    /// The output's position in the submission, or its number if it has no target.
    pub output: u32,
    /// An Arrow IPC stream.
    pub table: Segment,
}

/// The step and the output that a table is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Named(u32, u32),
    Other(u32, u32),
}

impl Of {
    fn happening(self, table: Segment) -> Happening {
        match self {
            Self::Named(step, output) => Happening::Table(ReturnedTable { step, output, table }),
            Self::Other(step, output) => Happening::Other(ReturnedTable { step, output, table }),
        }
    }
}

/// What came within a time.
#[derive(Debug)]
pub enum Next {
    /// Something happened.
    Happening(Happening),
    /// Nothing happened within the time.
    Nothing,
    /// The run has ended, and all that happened was returned.
    End,
}

impl Run {
    pub(crate) fn new(outgoing: Outgoing, receiver: Receiver<ToCaller>, first: Option<(ToCaller, Payload)>) -> Self {
        let canceller = Canceller(Arc::new(Mutex::new(outgoing)));
        Self { receiver, first, canceller, table: None, record: Vec::new(), has_ended: false }
    }

    /// A handle that ends the run.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Waits for what happens next; `None` once the run has ended.
    ///
    /// # Errors
    /// [`CallerError`]: the connection is lost, and with it the run.
    #[allow(clippy::should_implement_trait, reason = "an iterator of results would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Happening>, CallerError> {
        loop {
            match self.next_in(None)? {
                Next::Happening(happening) => return Ok(Some(happening)),
                Next::Nothing => {}
                Next::End => return Ok(None),
            }
        }
    }

    /// Waits for what happens next, at most this long, such as between two checks whether a user has interrupted.
    ///
    /// # Errors
    /// As [`Run::next`].
    pub fn next_within(&mut self, time: Duration) -> Result<Next, CallerError> {
        self.next_in(Some(time))
    }

    fn next_in(&mut self, time: Option<Duration>) -> Result<Next, CallerError> {
        while !self.has_ended {
            let received = match self.first.take() {
                Some(first) => Ok(Some(first)),
                None => self.receiver.receive(),
            };
            let (message, payload) = match received {
                Err(error) if would_block(&error) => {
                    if !is_ready(&self.receiver, PollFlags::IN, time)? {
                        return Ok(Next::Nothing);
                    }
                    continue;
                }
                received => received?.ok_or(CallerError::Lost)?,
            };
            if let Some(happening) = self.take(message, payload)? {
                return Ok(Next::Happening(happening));
            }
        }
        Ok(Next::End)
    }

    fn take(&mut self, message: ToCaller, payload: Payload) -> Result<Option<Happening>, CallerError> {
        Ok(match message {
            ToCaller::Event { event } => Some(Happening::Event(event)),
            ToCaller::Log { source } => Some(Happening::Log(source, payload.into_bytes())),
            ToCaller::Table { step, output, last } => self.part_of_table(Of::Named(step, output), last, payload)?,
            ToCaller::Other { step, number, last } => self.part_of_table(Of::Other(step, number), last, payload)?,
            ToCaller::Record { last } => {
                self.record.extend(payload.into_bytes());
                if self.record.len() > RECORD_MAX {
                    return Err(unexpected("a record of a bounded length", "a longer one"));
                }
                self.has_ended = last;
                last.then(|| serde_json::from_slice(&self.record).map(Happening::Record).map_err(CallerError::Record))
                    .transpose()?
            }
            ToCaller::Rejected(rejection) => {
                self.has_ended = true;
                Some(Happening::Rejected(rejection))
            }
            ToCaller::Refused { reason } => return Err(CallerError::Refused { reason }),
            other @ (ToCaller::Welcome { .. } | ToCaller::Received) => {
                return Err(unexpected("what happens in the run", &other.name()));
            }
        })
    }

    fn part_of_table(&mut self, output: Of, last: bool, payload: Payload) -> Result<Option<Happening>, CallerError> {
        if let Payload::Descriptor { descriptor, length } = payload {
            return Ok(Some(output.happening(Segment::receive(descriptor, length)?)));
        }
        let (number, mut file) = match self.table.take() {
            Some(begun) => begun,
            None => (output, SegmentFile::create()?),
        };
        if number != output {
            return Err(unexpected("the rest of a table", "a part of another"));
        }
        file.write_all(&payload.into_bytes()).map_err(longshore_segment::SegmentError::Write)?;
        if last {
            return Ok(Some(output.happening(file.seal()?)));
        }
        self.table = Some((output, file));
        Ok(None)
    }
}

impl Canceller {
    /// Asks the script to end; after the deadlines of the host it is signalled, then killed. What the run left is
    /// removed, and its record comes as always.
    ///
    /// # Errors
    /// [`CallerError`]: the connection failed.
    pub fn cancel(&self) -> Result<(), CallerError> {
        self.say(&FromCaller::Cancel)
    }

    /// Kills the script at once.
    ///
    /// # Errors
    /// [`CallerError`]: the connection failed.
    pub fn kill(&self) -> Result<(), CallerError> {
        self.say(&FromCaller::Kill)
    }

    fn say(&self, message: &FromCaller) -> Result<(), CallerError> {
        let mut outgoing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outgoing.send(message, Payload::None, &mut Patience::new(|| false))
    }
}

fn unexpected(expected: &'static str, received: &str) -> CallerError {
    let error = longshore_protocol::ProtocolError::Unexpected { expected, received: received.into() };
    longshore_protocol::ConnectionError::from(error).into()
}
