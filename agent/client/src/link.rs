//! The connection, shared by all callers: frames go out one at a time, and what comes in is kept for whoever waits
//! for it. A thread that waits for data holds only the reading half, so messages go out meanwhile.

use crate::error::ClientError;
use longshore_protocol::limits::ARENAS_MAX;
use longshore_protocol::{
    ArenaId, ConnectionError, Frame, FromScript, Message, Payload, ProtocolError, Receiver, Sender, SocketConnection,
    StreamId, ToScript,
};
use longshore_segment::Arena;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often a wait looks whether it was interrupted.
const INTERRUPT_CHECK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What came for a stream.
#[derive(Debug)]
pub(crate) enum StreamEvent {
    Opened { connected: bool },
    Data(Payload),
    End,
    Accepted,
    Dropped { reason: String },
    Ack(u64),
}

/// The two halves of the connection.
pub(crate) struct Link {
    sender: Mutex<Sender>,
    incoming: Mutex<Incoming>,
    interrupted: Box<dyn Fn() -> bool + Send + Sync>,
}

#[derive(Debug)]
struct Incoming {
    receiver: Receiver,
    streams: HashMap<StreamId, VecDeque<StreamEvent>>,
    arenas: HashMap<ArenaId, Arena>,
    /// Arenas lent or asked for.
    borrowed: usize,
    free: Vec<ArenaId>,
}

impl Link {
    pub(crate) fn new(connection: SocketConnection, interrupted: Box<dyn Fn() -> bool + Send + Sync>) -> Self {
        let incoming = Incoming {
            receiver: connection.receiver,
            streams: HashMap::new(),
            arenas: HashMap::new(),
            borrowed: 0,
            free: Vec::new(),
        };
        Self { sender: Mutex::new(connection.sender), incoming: Mutex::new(incoming), interrupted }
    }

    pub(crate) fn send(&self, message: &FromScript) -> Result<(), ClientError> {
        self.send_frame(&Frame::new(message))
    }

    pub(crate) fn send_frame(&self, frame: &Frame) -> Result<(), ClientError> {
        Ok(lock(&self.sender).send(frame)?)
    }

    /// Announces a stream whose events are to be kept.
    pub(crate) fn open(&self, stream: StreamId) {
        lock(&self.incoming).streams.insert(stream, VecDeque::new());
    }

    /// Forgets a stream; what still comes for it is thrown away.
    pub(crate) fn close(&self, stream: StreamId) {
        lock(&self.incoming).streams.remove(&stream);
    }

    /// Waits for a stream's next event.
    pub(crate) fn next_event(&self, stream: StreamId) -> Result<StreamEvent, ClientError> {
        self.wait(|incoming| incoming.streams.get_mut(&stream)?.pop_front())
    }

    /// Takes an arena to fill: a free one, a new one, or the next that the host gives back.
    pub(crate) fn take_arena(&self) -> Result<(ArenaId, Arena), ClientError> {
        let borrow = {
            let mut incoming = lock(&self.incoming);
            let borrow = incoming.free.is_empty() && incoming.borrowed < ARENAS_MAX;
            incoming.borrowed += usize::from(borrow);
            borrow
        };
        if borrow {
            self.send(&FromScript::Borrow)?;
        }
        self.wait(|incoming| {
            let arena = incoming.free.pop()?;
            Some((arena, incoming.arenas.remove(&arena)?))
        })
    }

    /// Keeps an arena that is on its way to the host and will come back.
    pub(crate) fn keep_arena(&self, id: ArenaId, arena: Arena) {
        lock(&self.incoming).arenas.insert(id, arena);
    }

    fn wait<T>(&self, mut found: impl FnMut(&mut Incoming) -> Option<T>) -> Result<T, ClientError> {
        let mut incoming = lock(&self.incoming);
        loop {
            if let Some(found) = found(&mut incoming) {
                return Ok(found);
            }
            if let Some(frame) = incoming.receiver.buffered()? {
                incoming.route(frame)?;
                continue;
            }
            let ready = poll(&mut [PollFd::new(&incoming.receiver, PollFlags::IN)], Some(&INTERRUPT_CHECK));
            if (self.interrupted)() {
                return Err(ClientError::Interrupted);
            }
            if ready.is_ok_and(|ready| ready > 0) {
                let frame = incoming.receiver.receive()?.ok_or(ConnectionError::Closed { expected: "the host" })?;
                incoming.route(frame)?;
            }
        }
    }
}

impl Incoming {
    fn route(&mut self, frame: Frame) -> Result<(), ClientError> {
        let message = ToScript::from_json(&frame.message).map_err(ConnectionError::from)?;
        let (stream, event) = match message {
            ToScript::Opened { stream, connected } => (stream, StreamEvent::Opened { connected }),
            ToScript::Data { stream } => (stream, StreamEvent::Data(frame.payload)),
            ToScript::End { stream } => (stream, StreamEvent::End),
            ToScript::Accepted { stream, .. } => (stream, StreamEvent::Accepted),
            ToScript::Drop { stream, reason } => (stream, StreamEvent::Dropped { reason }),
            ToScript::Ack { stream, bytes } => (stream, StreamEvent::Ack(bytes)),
            ToScript::Lend { arena } => {
                let (descriptor, length) = frame.payload.into_descriptor("lend").map_err(ConnectionError::from)?;
                self.arenas.insert(arena, Arena::receive(&descriptor, length)?);
                self.free.push(arena);
                return Ok(());
            }
            ToScript::Return { arena } => {
                self.free.push(arena);
                return Ok(());
            }
            other @ (ToScript::Welcome { .. } | ToScript::Refused { .. }) => {
                return Err(unexpected("an event of the run", &other));
            }
        };
        if let Some(events) = self.streams.get_mut(&stream) {
            events.push_back(event);
        }
        Ok(())
    }
}

pub(crate) fn unexpected(expected: &'static str, received: &ToScript) -> ClientError {
    let received = String::from_utf8_lossy(&received.to_json()).into_owned();
    ConnectionError::from(ProtocolError::Unexpected { expected, received }).into()
}

/// Locks; a panic of another thread in a binding does not make the connection unusable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
