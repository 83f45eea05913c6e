//! The connection, shared by all callers: frames are sent one at a time, and received frames are kept for the thread
//! that waits for them. A thread that waits for data holds only the reading half, so messages can be sent meanwhile.

use crate::error::ClientError;
use longshore_protocol::limits::ARENAS_MAX;
use longshore_protocol::{
    ArenaId, ConnectionError, FromScript, Message, Payload, ProtocolError, Receiver, Sender, SocketConnection,
    StreamId, ToScript,
};
use longshore_segment::Arena;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a wait checks for an interrupt.
const INTERRUPT_CHECK: Duration = Duration::from_millis(100);

/// A received event of a stream.
#[derive(Debug)]
pub(crate) enum StreamEvent {
    Opened { connected: bool },
    Data(Payload),
    End,
    Accepted,
    Dropped { reason: String },
    Ack(u64),
}

/// The two halves of the connection, and the received events.
pub(crate) struct Link {
    outgoing: Mutex<Outgoing>,
    receiver: Mutex<Receiver<ToScript>>,
    incoming: Mutex<Incoming>,
    arrived: Condvar,
    interrupted: Box<dyn Fn() -> bool + Send + Sync>,
}

struct Outgoing {
    sender: Sender,
    last_stream: u32,
}

#[derive(Debug, Default)]
struct Incoming {
    /// A thread is reading for all waiting threads.
    reading: bool,
    streams: HashMap<StreamId, VecDeque<StreamEvent>>,
    arenas: HashMap<ArenaId, Arena>,
    /// Number of arenas lent or requested.
    borrowed: usize,
    free: Vec<ArenaId>,
}

impl Link {
    pub(crate) fn new(
        connection: SocketConnection<ToScript>,
        interrupted: Box<dyn Fn() -> bool + Send + Sync>,
    ) -> Self {
        Self {
            outgoing: Mutex::new(Outgoing { sender: connection.sender, last_stream: 0 }),
            receiver: Mutex::new(connection.receiver),
            incoming: Mutex::new(Incoming::default()),
            arrived: Condvar::new(),
            interrupted,
        }
    }

    pub(crate) fn send(&self, message: &FromScript) -> Result<(), ClientError> {
        self.send_with(message, Payload::None)
    }

    pub(crate) fn send_with(&self, message: &FromScript, payload: Payload) -> Result<(), ClientError> {
        Ok(lock(&self.outgoing).sender.send_with(message, payload)?)
    }

    /// Opens a stream with the message that `open` makes from its number. Numbers are sent in order, whichever threads
    /// open streams.
    pub(crate) fn open(&self, open: impl FnOnce(StreamId) -> FromScript) -> Result<StreamId, ClientError> {
        let mut outgoing = lock(&self.outgoing);
        outgoing.last_stream += 1;
        let stream = StreamId(outgoing.last_stream);
        lock(&self.incoming).streams.insert(stream, VecDeque::new());
        outgoing.sender.send(&open(stream))?;
        Ok(stream)
    }

    /// Forgets a stream; further events of it are discarded.
    pub(crate) fn close(&self, stream: StreamId) {
        lock(&self.incoming).streams.remove(&stream);
    }

    /// Waits for a stream's next event.
    pub(crate) fn next_event(&self, stream: StreamId) -> Result<StreamEvent, ClientError> {
        self.wait(|incoming| incoming.streams.get_mut(&stream)?.pop_front())
    }

    /// Takes an arena to fill: a free one, a new one, or the next that the host returns.
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

    /// Keeps an arena that is sent to the host and will be returned.
    pub(crate) fn keep_arena(&self, id: ArenaId, arena: Arena) {
        lock(&self.incoming).arenas.insert(id, arena);
    }

    /// Waits until `found` returns a value. One of the waiting threads reads for all of them.
    fn wait<T>(&self, mut found: impl FnMut(&mut Incoming) -> Option<T>) -> Result<T, ClientError> {
        let mut incoming = lock(&self.incoming);
        loop {
            if let Some(found) = found(&mut incoming) {
                return Ok(found);
            }
            if incoming.reading {
                let waited = self.arrived.wait_timeout(incoming, INTERRUPT_CHECK);
                incoming = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            incoming.reading = true;
            drop(incoming);
            let read = self.read();
            incoming = lock(&self.incoming);
            incoming.reading = false;
            let routed =
                read.and_then(|read| read.map_or(Ok(()), |(message, payload)| incoming.route(message, payload)));
            self.arrived.notify_all();
            routed?;
        }
    }

    /// Reads a message; `None` if none arrives in time.
    fn read(&self) -> Result<Option<(ToScript, Payload)>, ClientError> {
        let mut receiver = lock(&self.receiver);
        if let Some(read) = receiver.buffered()? {
            return Ok(Some(read));
        }
        let nanoseconds = INTERRUPT_CHECK.subsec_nanos().into();
        let timeout = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
        let ready = poll(&mut [PollFd::new(&*receiver, PollFlags::IN)], Some(&timeout));
        if (self.interrupted)() {
            return Err(ClientError::Interrupted);
        }
        if !ready.is_ok_and(|ready| ready > 0) {
            return Ok(None);
        }
        let read = receiver.receive()?;
        Ok(Some(read.ok_or(ConnectionError::Closed { expected: "the host" })?))
    }
}

impl Incoming {
    fn route(&mut self, message: ToScript, payload: Payload) -> Result<(), ClientError> {
        let (stream, event) = match message {
            ToScript::Opened { stream, connected } => (stream, StreamEvent::Opened { connected }),
            ToScript::Data { stream } => (stream, StreamEvent::Data(payload)),
            ToScript::End { stream } => (stream, StreamEvent::End),
            ToScript::Accepted { stream, .. } => (stream, StreamEvent::Accepted),
            ToScript::Drop { stream, reason } => (stream, StreamEvent::Dropped { reason }),
            ToScript::Ack { stream, bytes } => (stream, StreamEvent::Ack(bytes)),
            ToScript::Lend { arena } => {
                let (descriptor, length) = payload.into_descriptor("lend").map_err(ConnectionError::from)?;
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

/// Locks, also after a panic of another thread in a binding: the connection stays usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
