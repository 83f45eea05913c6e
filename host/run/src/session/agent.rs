//! The agent's connection: the host sends what to run; the agent reports the script's output and how it ended. The run
//! decides on the outcome.

use super::files::send_files;
use super::missing_sdk::MissingSdk;
use crate::connection::{Incoming, Outgoing, WRITING, say};
use crate::hints::Printed;
use crate::kept::WorkdirCapture;
use longshore_block::BlockFile;
use longshore_model::causes::chain;
use longshore_model::event::{Event, Events};
use longshore_model::redact::{Masking, Secrets};
use longshore_protocol::{
    Begin, ConnectionError, Dropped, Exit, ExitStatus, FromAgent, Hello, LogSource, ProtocolError, ToAgent, Version,
};
use std::io;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// Parts of kept files that may wait for the disk: 8 parts of 256 KiB.
const PARTS_AHEAD: usize = 8;

/// How the agent's connection ended.
#[derive(Debug)]
pub(crate) enum AgentEnd {
    /// The script ended and the agent reported it, after sending the files to keep.
    Exited {
        /// Its report.
        exit: Exit,
        /// The files to keep.
        kept: Option<Box<WorkdirCapture>>,
        /// Whether the script printed that it could not import the SDK.
        sdk_missing: bool,
        /// The end of its standard error.
        printed: Printed,
    },
    /// The script could not be started.
    Failed(String),
    /// The connection ended without a report, or the host could not write to it: the reason.
    Lost(String),
    /// The agent broke the protocol.
    Violation(ConnectionError),
}

impl AgentEnd {
    /// The connection ended without a report.
    pub(crate) fn lost() -> Self {
        Self::Lost("the agent ended without a report".into())
    }
}

/// A report of the agent before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentWord {
    /// The script has started.
    Started,
    /// The script has ended with this status, and the processes that it left behind are being ended.
    Ended(ExitStatus),
    /// The script has ended, and its kept files follow.
    Keeps,
}

/// A connected agent.
#[derive(Debug)]
pub(crate) struct AgentSession {
    pub(super) incoming: Incoming<FromAgent>,
    pub(super) outgoing: Outgoing,
    pub(super) prepares: bool,
}

impl AgentSession {
    /// Welcomes an agent whose Hello has been read.
    pub(crate) fn welcome(incoming: Incoming<Hello>, outgoing: Outgoing, protocol: Version, prepares: bool) -> Self {
        // The first frame of a connection fits into its queue.
        say(&outgoing, &ToAgent::Welcome { protocol, descriptors: incoming.passes_descriptors() });
        Self { incoming: incoming.greeted(), outgoing, prepares }
    }

    /// A second writing half, to cancel with.
    pub(crate) fn remote(&self) -> Outgoing {
        self.outgoing.clone()
    }

    /// Sends what to run, and starts it. Waits while the agent does not read.
    pub(crate) fn start(
        &self,
        begin: Begin,
        files: Vec<BlockFile>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        send_files(self.outgoing.clone(), ToAgent::Begin(begin), files)
    }

    /// Listens until the script has ended and its kept files have arrived. `told` gets the reports before that.
    pub(crate) async fn listen(
        mut self,
        mut logs: Logs,
        told: mpsc::Sender<AgentWord>,
        keeping: Option<Box<WorkdirCapture>>,
    ) -> AgentEnd {
        let (mut started, mut ended, mut keeper) = (false, false, None);
        let mut keeping = keeping;
        let (mut missing_sdk, mut printed) = (MissingSdk::default(), Printed::default());
        loop {
            let (message, payload) = match self.incoming.receive().await {
                Ok(Some(read)) => read,
                Err(error @ ConnectionError::Io { doing: WRITING, .. }) => {
                    logs.finish();
                    return AgentEnd::Lost(chain(&error));
                }
                Ok(None) | Err(ConnectionError::Io { .. } | ConnectionError::Truncated) => {
                    logs.finish();
                    return AgentEnd::lost();
                }
                Err(error) => return AgentEnd::Violation(error),
            };
            match message {
                FromAgent::Started { .. } if started => return unexpected("a log or an exit", "a second start"),
                FromAgent::Started { .. } => {
                    started = true;
                    // There is room for each report once; after the end of the run there is no receiver.
                    let _ = told.try_send(AgentWord::Started);
                }
                FromAgent::Log { source } => {
                    let bytes = payload.into_bytes();
                    if source == LogSource::Stderr {
                        missing_sdk.look(&bytes);
                        printed.take(&bytes);
                    }
                    logs.take(source, bytes);
                }
                FromAgent::Ended { .. } if ended || !started => {
                    return unexpected("the script's start and one end", "an end");
                }
                FromAgent::Ended { status } => {
                    ended = true;
                    let _ = told.try_send(AgentWord::Ended(status));
                }
                FromAgent::Kept { path, executable, last } => {
                    if let Some(keeping) = keeping.take() {
                        keeper = Some(Keeper::new(keeping));
                        let _ = told.try_send(AgentWord::Keeps);
                    }
                    let Some(keeper) = &mut keeper else { return unexpected("a log or an exit", "a kept file") };
                    let part = Part { path, executable, last, bytes: payload.into_bytes() };
                    if let Err(error) = keeper.part(part).await {
                        return AgentEnd::Violation(error.into());
                    }
                }
                FromAgent::Ready { .. } => return unexpected("the script's start", "a prepared interpreter"),
                FromAgent::Exited(mut exit) => {
                    let dropped = logs.finish();
                    exit.dropped.stdout += dropped.stdout;
                    exit.dropped.stderr += dropped.stderr;
                    let kept = match keeper {
                        Some(keeper) => keeper.end().await,
                        None => Ok(keeping),
                    };
                    return match kept {
                        Ok(kept) => AgentEnd::Exited { exit, kept, sdk_missing: missing_sdk.seen(), printed },
                        Err(error) => AgentEnd::Violation(error.into()),
                    };
                }
                FromAgent::Failed { reason } => return AgentEnd::Failed(reason),
            }
        }
    }
}

/// Passes the script's output to the events, within its limit and without secrets. Longshore's agent also keeps to the
/// limit itself.
pub(crate) struct Logs {
    events: Events,
    /// For standard output and standard error.
    masking: [Masking; 2],
    left: u64,
    dropped: Dropped,
}

impl Logs {
    /// Logs with at most `bytes_max` bytes of both streams together.
    pub(crate) fn new(events: Events, secrets: &Secrets, bytes_max: u64) -> Self {
        let masking = [Masking::new(secrets.clone()), Masking::new(secrets.clone())];
        Self { events, masking, left: bytes_max, dropped: Dropped::default() }
    }

    fn take(&mut self, source: LogSource, mut bytes: Vec<u8>) {
        let length = bytes.len() as u64;
        let passed = length.min(self.left);
        self.left -= passed;
        match source {
            LogSource::Stdout => self.dropped.stdout += length - passed,
            LogSource::Stderr => self.dropped.stderr += length - passed,
        }
        bytes.truncate(usize::try_from(passed).unwrap_or(usize::MAX));
        let shown = self.masking[usize::from(source == LogSource::Stderr)].take(bytes);
        self.tell(source, shown);
    }

    /// Passes on held-back bytes at the end. Returns the numbers of dropped bytes.
    fn finish(&mut self) -> Dropped {
        for (source, place) in [(LogSource::Stdout, 0), (LogSource::Stderr, 1)] {
            let rest = self.masking[place].finish();
            self.tell(source, rest);
        }
        self.dropped
    }

    fn tell(&self, source: LogSource, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.events.tell(Event::Log { source, bytes });
        }
    }
}

/// A part of a kept file.
struct Part {
    path: String,
    executable: bool,
    last: bool,
    bytes: Vec<u8>,
}

/// Writes kept files on a thread of its own, because disks may be slow.
struct Keeper {
    parts: mpsc::Sender<Part>,
    writing: JoinHandle<Result<Box<WorkdirCapture>, ProtocolError>>,
}

impl Keeper {
    fn new(mut keeping: Box<WorkdirCapture>) -> Self {
        let (parts, mut received) = mpsc::channel::<Part>(PARTS_AHEAD);
        let writing = spawn_blocking(move || {
            while let Some(part) = received.blocking_recv() {
                keeping.part(&part.path, part.executable, part.last, &part.bytes)?;
            }
            Ok(keeping)
        });
        Self { parts, writing }
    }

    /// Queues a part; waits while the disk is busy.
    async fn part(&mut self, part: Part) -> Result<(), ProtocolError> {
        if self.parts.send(part).await.is_ok() {
            return Ok(());
        }
        // The writer stopped because of an error.
        match (&mut self.writing).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => Err(broken()),
        }
    }

    /// Waits until everything is written.
    async fn end(self) -> Result<Option<Box<WorkdirCapture>>, ProtocolError> {
        drop(self.parts);
        self.writing.await.unwrap_or_else(|_| Err(broken())).map(Some)
    }
}

fn broken() -> ProtocolError {
    ProtocolError::Unexpected { expected: "files to keep", received: "an early end of their writer".into() }
}

fn unexpected(expected: &'static str, received: &str) -> AgentEnd {
    AgentEnd::Violation(ProtocolError::Unexpected { expected, received: received.into() }.into())
}
