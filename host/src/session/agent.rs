//! The agent's connection: it is told what to run, and says what the script printed and how it ended. The run
//! decides what that means.

use super::link::{Incoming, Outgoing};
use super::missing_sdk::MissingSdk;
use crate::event::{Event, Events};
use crate::kept::Keeping;
use crate::secrets::{Masking, Secrets};
use crate::small_file::open_regular;
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{
    Begin, ConnectionError, Exit, Frame, FromAgent, LogSource, Message, Payload, ProtocolError, ToAgent, Version,
};
use std::io::Read;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// A file of the block, to be unpacked beside the script.
#[derive(Debug, Clone)]
pub(crate) struct BlockFile {
    /// Where it is on this machine.
    pub(crate) source: PathBuf,
    /// Its path below the working folder.
    pub(crate) path: String,
    /// Whether it may be executed.
    pub(crate) executable: bool,
}

/// How the agent's connection ended.
#[derive(Debug)]
pub(crate) enum AgentEnd {
    /// The script ended and the agent reported it, after it had brought back what was asked for.
    Exited {
        /// Its report.
        exit: Exit,
        /// What it brought back.
        kept: Option<Box<Keeping>>,
        /// Whether the script printed that it could not import the SDK.
        sdk_missing: bool,
    },
    /// The script could not be started.
    Failed(String),
    /// The connection ended without a report.
    Lost,
    /// The agent broke the protocol.
    Violation(ConnectionError),
}

/// A connected agent.
#[derive(Debug)]
pub(crate) struct AgentSession {
    incoming: Incoming,
    outgoing: Outgoing,
}

impl AgentSession {
    /// Welcomes an agent whose Hello has been read.
    pub(crate) async fn welcome(incoming: Incoming, outgoing: Outgoing, protocol: Version) -> Self {
        let welcome = ToAgent::Welcome { protocol, descriptors: true };
        send(&outgoing, Frame::new(&welcome)).await;
        Self { incoming, outgoing }
    }

    /// A second writing half, to cancel with.
    pub(crate) fn remote(&self) -> Outgoing {
        self.outgoing.clone()
    }

    /// Sends what to run, and starts it.
    pub(crate) async fn start(&self, begin: Begin, files: &[BlockFile]) -> std::io::Result<()> {
        send(&self.outgoing, Frame::new(&ToAgent::Begin(begin))).await;
        for file in files {
            self.send_file(file).await?;
        }
        send(&self.outgoing, Frame::new(&ToAgent::Start)).await;
        Ok(())
    }

    async fn send_file(&self, file: &BlockFile) -> std::io::Result<()> {
        let mut source = open_regular(&file.source)?;
        loop {
            let mut part = Vec::with_capacity(INLINE_MAX);
            let read = source.by_ref().take(INLINE_MAX as u64).read_to_end(&mut part)?;
            let last = read < INLINE_MAX;
            let message = ToAgent::File { path: file.path.clone(), executable: file.executable, last };
            send(&self.outgoing, Frame::with(&message, Payload::Inline(part))).await;
            if last {
                return Ok(());
            }
        }
    }

    /// Listens until the script has ended and what it left has come. `started` hears when it starts, `keeps` when it has
    /// ended and something of it comes.
    pub(crate) async fn listen(
        mut self,
        events: Events,
        secrets: &Secrets,
        started: oneshot::Sender<()>,
        mut keeping: Option<Box<Keeping>>,
        keeps: oneshot::Sender<()>,
    ) -> AgentEnd {
        let (mut started, mut keeps) = (Some(started), Some(keeps));
        let mut missing_sdk = MissingSdk::default();
        let mut logs = Logs { events, masking: [Masking::new(secrets.clone()), Masking::new(secrets.clone())] };
        loop {
            let frame = match self.incoming.receive().await {
                Ok(Some(frame)) => frame,
                Ok(None) | Err(ConnectionError::Io { .. } | ConnectionError::Truncated) => {
                    logs.finish();
                    return AgentEnd::Lost;
                }
                Err(error) => return AgentEnd::Violation(error),
            };
            let message = match FromAgent::from_json(&frame.message) {
                Ok(message) => message,
                Err(error) => return AgentEnd::Violation(error.into()),
            };
            match message {
                FromAgent::Started { .. } => match started.take() {
                    // The run may have stopped waiting for it.
                    Some(started) => drop(started.send(())),
                    None => return unexpected("a log or an exit", "a second start"),
                },
                FromAgent::Log { source } => match frame.payload.into_inline("log") {
                    Ok(bytes) => {
                        if source == LogSource::Stderr {
                            missing_sdk.look(&bytes);
                        }
                        logs.take(source, bytes);
                    }
                    Err(error) => return AgentEnd::Violation(error.into()),
                },
                FromAgent::Kept { path, executable, last } => {
                    if let Some(keeps) = keeps.take() {
                        let _ = keeps.send(());
                    }
                    let Some(keeping) = &mut keeping else { return unexpected("a log or an exit", "a kept file") };
                    // An empty file has no payload.
                    let bytes = match frame.payload {
                        Payload::None => Ok(Vec::new()),
                        payload => payload.into_inline("kept"),
                    };
                    let taken = bytes.and_then(|bytes| keeping.part(&path, executable, last, &bytes));
                    if let Err(error) = taken {
                        return AgentEnd::Violation(error.into());
                    }
                }
                FromAgent::Exited(exit) => {
                    logs.finish();
                    return AgentEnd::Exited { exit, kept: keeping, sdk_missing: missing_sdk.seen() };
                }
                FromAgent::Failed { reason } => return AgentEnd::Failed(reason),
            }
        }
    }
}

/// What the script prints, on its way to who watches, without secrets.
struct Logs {
    events: Events,
    /// Of standard output and standard error.
    masking: [Masking; 2],
}

impl Logs {
    fn take(&mut self, source: LogSource, bytes: Vec<u8>) {
        let shown = self.masking[usize::from(source == LogSource::Stderr)].take(bytes);
        self.tell(source, shown);
    }

    /// What was held back, when no more comes.
    fn finish(&mut self) {
        for (source, place) in [(LogSource::Stdout, 0), (LogSource::Stderr, 1)] {
            let rest = self.masking[place].finish();
            self.tell(source, rest);
        }
    }

    fn tell(&self, source: LogSource, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.events.tell(Event::Log { source, bytes });
        }
    }
}

/// Sends a frame; a connection that is gone is seen by its reader.
async fn send(outgoing: &Outgoing, frame: Frame) {
    let _ = outgoing.send(frame).await;
}

fn unexpected(expected: &'static str, received: &str) -> AgentEnd {
    AgentEnd::Violation(ProtocolError::Unexpected { expected, received: received.into() }.into())
}
