//! The script's connection: it reads inputs, writes outputs, reports, and gives its verdict. Everything that it sends
//! is checked; a violation of the protocol ends the run, never the host.

use crate::connection::{Incoming, Outgoing, WRITING, say};
use crate::input::{Credit, Inputs, Recipient, serve};
use crate::output::{OutputsHandle, Piece};
use longshore_engine::task::Task;
use longshore_model::causes::chain;
use longshore_model::event::{Event, Events};
use longshore_model::human::count;
use longshore_model::redact::Secrets;
use longshore_protocol::limits::{ARENA_BYTES, ARENAS_MAX, STREAMS_MAX, TEXT_MAX};
use longshore_protocol::{
    ArenaId, ConnectionError, Frame, FromScript, Hello, Payload, Place, ProtocolError, ReceiveWindow, RunFacts,
    StreamId, ToScript, Version, Word,
};
use longshore_segment::LentArena;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Bytes that a text counts in addition to its own, because empty texts use lines too.
const TEXT_COST: usize = 16;

/// The result of a script's connection.
#[derive(Debug, Default)]
pub(crate) struct ScriptEnd {
    /// Its first verdict.
    pub(crate) verdict: Option<(Word, Option<String>)>,
    /// An uncaught exception.
    pub(crate) uncaught: Option<String>,
    /// Why the host could not write to the connection.
    pub(crate) unwritable: Option<String>,
    /// How it broke the protocol.
    pub(crate) violation: Option<String>,
    /// Inputs that it read, and that have no table; bounded by `UNCONNECTED_MAX`.
    pub(crate) unconnected: BTreeSet<u32>,
    /// Notes about the connection.
    pub(crate) notes: Vec<String>,
}

/// The data and limits that a script is served with.
pub(crate) struct Served {
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) outputs: OutputsHandle,
    pub(crate) events: Events,
    pub(crate) secrets: Secrets,
    /// Maximum bytes of its messages and errors that are passed on; further texts are dropped and counted.
    pub(crate) text_bytes: u64,
}

/// A connected script.
pub(crate) struct ScriptSession {
    incoming: Incoming<FromScript>,
    outgoing: Outgoing,
    served: Served,
    dropped_texts: u64,
    reading: HashMap<StreamId, Reading>,
    /// Readings that the script has dropped, and that have not ended yet.
    dropped: VecDeque<Reading>,
    writing: HashMap<StreamId, Writing>,
    last_stream: u32,
    arenas: Vec<LoanedArena>,
    end: ScriptEnd,
}

/// Most inputs without a table that are remembered: a run has at most 64 with one.
const UNCONNECTED_MAX: usize = 64;

/// Maximum number of dropped readings whose tasks have not ended; a further one waits for the oldest.
const DROPPED_MAX: usize = 8;

/// How long to wait for the oldest: a decoder ends with its current batch.
const DROPPED_PATIENCE: Duration = Duration::from_secs(30);

/// A stream from an input. It counts until its task has ended, even if the script has dropped it before.
struct Reading {
    credit: Arc<Credit>,
    /// Ends with the session.
    serving: Task<()>,
}

/// A stream to an output.
struct Writing {
    output: usize,
    window: ReceiveWindow,
}

/// An arena, and whether the script holds it now.
struct LoanedArena {
    arena: Arc<LentArena>,
    with_script: Arc<AtomicBool>,
}

impl ScriptSession {
    /// Welcomes a script whose Hello has been read.
    pub(crate) fn welcome(
        incoming: Incoming<Hello>,
        outgoing: Outgoing,
        protocol: Version,
        run: RunFacts,
        served: Served,
    ) -> Self {
        // The first frame of a connection fits into its queue.
        let descriptors = incoming.passes_descriptors();
        say(&outgoing, &ToScript::Welcome { protocol, descriptors, run });
        Self {
            incoming: incoming.greeted(),
            outgoing,
            served,
            dropped_texts: 0,
            reading: HashMap::new(),
            dropped: VecDeque::new(),
            writing: HashMap::new(),
            last_stream: 0,
            arenas: Vec::new(),
            end: ScriptEnd::default(),
        }
    }

    /// Serves the script until its connection ends or breaks the protocol.
    pub(crate) async fn serve(mut self) -> ScriptEnd {
        loop {
            let handled = match self.incoming.receive().await {
                Ok(Some((message, payload))) => self.handle(message, payload).await,
                Err(error @ ConnectionError::Io { doing: WRITING, .. }) => {
                    self.end.unwritable = Some(chain(&error));
                    break;
                }
                Ok(None) | Err(ConnectionError::Io { .. }) => break,
                // A killed script may leave an incomplete frame.
                Err(ConnectionError::Truncated) => break,
                Err(error) => Err(error),
            };
            if let Err(error) = handled {
                self.end.violation = Some(describe(&error));
                break;
            }
        }
        if self.dropped_texts > 0 {
            self.end
                .notes
                .push(format!("dropped {} of the script beyond the log limit", count(self.dropped_texts, "message")));
        }
        for writing in self.writing.values() {
            self.served.outputs.abandon(writing.output).await;
        }
        self.end
    }

    async fn handle(&mut self, message: FromScript, payload: Payload) -> Result<(), ConnectionError> {
        match message {
            FromScript::OpenInput { stream, input, delivery } => {
                self.check_new(stream)?;
                self.open_input(stream, input, delivery).await;
            }
            FromScript::OpenOutput { stream, output } => {
                self.check_new(stream)?;
                match self.served.outputs.open(&output, stream, &self.outgoing).await {
                    Ok(output) => {
                        self.writing.insert(stream, Writing { output, window: ReceiveWindow::new(stream) });
                        self.send(&ToScript::Opened { stream, connected: true }).await;
                    }
                    Err(reason) => self.send(&ToScript::Drop { stream, reason }).await,
                }
            }
            FromScript::Borrow => self.lend().await?,
            FromScript::Data { stream, place: Place::Arena { arena, length } } => {
                self.take_arena(stream, arena, length).await?;
            }
            FromScript::Data { stream, place: Place::Inline } => self.take_inline(stream, payload.into_bytes()).await?,
            FromScript::End { stream } => {
                let writing = self.writing.remove(&stream).ok_or_else(|| no_stream("end", stream))?;
                self.served.outputs.end(writing.output).await;
            }
            FromScript::Drop { stream } => {
                if let Some(writing) = self.writing.remove(&stream) {
                    self.served.outputs.abandon(writing.output).await;
                }
                // An input that has just ended is not in the map any more.
                if let Some(reading) = self.reading.remove(&stream) {
                    reading.credit.drop_reading();
                    self.dropped.push_back(reading);
                    self.wait_for_dropped().await;
                }
            }
            FromScript::Ack { stream, bytes } => {
                // An input whose task has ended needs no credit.
                if let Some(reading) = self.reading.get(&stream) {
                    reading.credit.acknowledge(stream, bytes)?;
                }
            }
            FromScript::Message { text } => self.tell_text(Event::Message, text)?,
            FromScript::Progress { fraction, text } => {
                let text = text.map(|text| self.shown(text)).transpose()?;
                let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
                self.tell(Event::Progress { fraction, text });
            }
            FromScript::Error { text } => self.tell_text(Event::Error, text)?,
            FromScript::Uncaught { summary } => self.end.uncaught = Some(self.shown(summary)?),
            FromScript::Verdict { word, message } => {
                let message = message.map(|message| self.shown(message)).transpose()?;
                self.end.verdict.get_or_insert((word, message));
            }
        }
        Ok(())
    }

    async fn open_input(&mut self, stream: StreamId, input: u32, delivery: longshore_protocol::Delivery) {
        let Some(source) = self.served.inputs.get(input) else {
            if self.end.unconnected.len() < UNCONNECTED_MAX {
                self.end.unconnected.insert(input);
            }
            self.send(&ToScript::Opened { stream, connected: false }).await;
            return;
        };
        self.tell(Event::Reading { input });
        self.send(&ToScript::Opened { stream, connected: true }).await;
        let credit = Arc::new(Credit::default());
        let descriptors = self.incoming.passes_descriptors();
        let recipient = Recipient { stream, outgoing: self.outgoing.clone(), descriptors };
        let serving = Task::spawn(serve(source, delivery, recipient, Arc::clone(&credit)));
        self.reading.insert(stream, Reading { credit, serving });
    }

    /// Slows down a script that opens and drops inputs endlessly to the speed at which their tasks end.
    async fn wait_for_dropped(&mut self) {
        self.dropped.retain(|reading| !reading.serving.is_finished());
        if self.dropped.len() > DROPPED_MAX
            && let Some(mut first) = self.dropped.pop_front()
        {
            let _ = tokio::time::timeout(DROPPED_PATIENCE, &mut first.serving).await;
        }
    }

    async fn lend(&mut self) -> Result<(), ConnectionError> {
        if !self.incoming.passes_descriptors() {
            let expected = "inline data, on a connection over which no descriptors pass";
            return Err(ProtocolError::Unexpected { expected, received: "borrow".into() }.into());
        }
        if self.arenas.len() >= ARENAS_MAX {
            let received = format!("a loan beyond {ARENAS_MAX} arenas");
            return Err(ProtocolError::Unexpected { expected: "data in an arena on loan", received }.into());
        }
        let failed = |error: longshore_segment::SegmentError| ConnectionError::Io {
            doing: "lending memory to",
            source: std::io::Error::other(error),
        };
        let arena = LentArena::create().map_err(failed)?;
        let descriptor = arena.share().map_err(failed)?;
        let id = ArenaId(u32::try_from(self.arenas.len()).expect("arenas are few"));
        let with_script = Arc::new(AtomicBool::new(true));
        self.arenas.push(LoanedArena { arena: Arc::new(arena), with_script });
        let payload = Payload::Descriptor { descriptor, length: ARENA_BYTES };
        let _ = self.outgoing.send(Frame::with(&ToScript::Lend { arena: id }, payload)).await;
        Ok(())
    }

    async fn take_arena(&mut self, stream: StreamId, arena: ArenaId, length: u64) -> Result<(), ConnectionError> {
        let writing = self.writing.get(&stream).ok_or_else(|| no_stream("data", stream))?;
        let loan = self.arenas.get(arena.0 as usize);
        let Some(loan) = loan.filter(|loan| loan.with_script.swap(false, Ordering::AcqRel)) else {
            let received = format!("arena {}", arena.0);
            return Err(ProtocolError::Unexpected { expected: "an arena on loan", received }.into());
        };
        if length > ARENA_BYTES {
            return Err(ProtocolError::PayloadTooLong { length, limit: ARENA_BYTES }.into());
        }
        let (memory, with_script) = (Arc::clone(&loan.arena), Arc::clone(&loan.with_script));
        self.served.outputs.take(writing.output, Piece::Arena { memory, with_script, arena, length }).await;
        Ok(())
    }

    async fn take_inline(&mut self, stream: StreamId, bytes: Vec<u8>) -> Result<(), ConnectionError> {
        let writing = self.writing.get_mut(&stream).ok_or_else(|| no_stream("data", stream))?;
        writing.window.received(bytes.len() as u64)?;
        // Handing over waits while the output is busy, so these bytes count as consumed.
        let length = bytes.len() as u64;
        writing.window.acknowledge(length);
        self.served.outputs.take(writing.output, Piece::Inline(bytes, None)).await;
        self.send(&ToScript::Ack { stream, bytes: length }).await;
        Ok(())
    }

    fn check_new(&mut self, stream: StreamId) -> Result<(), ConnectionError> {
        if stream.0 <= self.last_stream {
            let received = format!("stream {stream}");
            return Err(ProtocolError::Unexpected { expected: "a stream number that is new", received }.into());
        }
        self.reading.retain(|_, reading| !reading.serving.is_finished());
        if self.reading.len() + self.writing.len() >= STREAMS_MAX {
            let received = format!("a stream beyond {STREAMS_MAX}");
            return Err(ProtocolError::Unexpected { expected: "an end of an open stream", received }.into());
        }
        self.last_stream = stream.0;
        Ok(())
    }

    async fn send(&self, message: &ToScript) {
        // The reader notices a closed connection.
        let _ = self.outgoing.send(Frame::new(message)).await;
    }

    /// A text of the script: bounded, and without secrets.
    fn shown(&self, text: String) -> Result<String, ConnectionError> {
        bounded(text).map(|text| self.served.secrets.masked(&text))
    }

    /// Passes a text on, within the limit.
    fn tell_text(&mut self, event: fn(String) -> Event, text: String) -> Result<(), ConnectionError> {
        let text = self.shown(text)?;
        match self.served.text_bytes.checked_sub((TEXT_COST + text.len()) as u64) {
            Some(left) => {
                self.served.text_bytes = left;
                self.tell(event(text));
            }
            None => self.dropped_texts += 1,
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        self.served.events.tell(event);
    }
}

fn no_stream(message: &str, stream: StreamId) -> ConnectionError {
    let received = format!("{message} for stream {stream}, which is not open");
    ProtocolError::Unexpected { expected: "a message for an open stream", received }.into()
}

fn bounded(text: String) -> Result<String, ConnectionError> {
    if text.len() > TEXT_MAX {
        return Err(ProtocolError::MessageTooLong { length: text.len() as u64, limit: TEXT_MAX as u64 }.into());
    }
    Ok(text)
}

/// The error of a connection, without its general part.
fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Protocol(error) => error.to_string(),
        other => other.to_string(),
    }
}
