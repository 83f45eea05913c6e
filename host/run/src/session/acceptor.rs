//! Takes connections in, and hears their Hello. Each is greeted in a task of its own, so that one that says nothing
//! holds up nobody. Whom to welcome is the run's to decide.

use crate::connection::{Incoming, Outgoing, Wire, greet, open};
use longshore_engine::listener::Listener;
use longshore_engine::task::Task;
use longshore_protocol::{ConnectionError, Hello, ProtocolError, Role, Version};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Connections that may be without a Hello at a time. An agent and a script's SDK say it at once, one after the other.
const UNGREETED_MAX: usize = 4;

/// How long a connection may take to say Hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// How long it takes until a socket that gave an error is asked again, at first; twice as long each time.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Errors in a row until a socket is given up: after 5 + 10 + … + 1280 ms, which is 2.6 s.
const ERRORS_MAX: u32 = 9;

/// Who is at the socket.
#[derive(Debug)]
pub(crate) enum Peer {
    /// It has said Hello.
    Greeted { role: Role, protocol: Version, incoming: Incoming<Hello>, outgoing: Outgoing },
    /// What it said first is not understood.
    Strange { error: ProtocolError, outgoing: Outgoing },
    /// The socket gives no connections any more.
    Broken(io::Error),
}

/// The socket of a run.
#[derive(Debug)]
pub(crate) struct Acceptor {
    peers: mpsc::Receiver<Peer>,
    listener: Arc<Listener>,
    turned_away: Arc<AtomicU64>,
    _accepting: Task<()>,
}

impl Acceptor {
    /// Listens until it is dropped.
    pub(crate) fn new(listener: Listener) -> Self {
        let (greeted, peers) = mpsc::channel(UNGREETED_MAX);
        let (listener, turned_away) = (Arc::new(listener), Arc::default());
        let accepting = Task::spawn(accept(Arc::clone(&listener), greeted, Arc::clone(&turned_away)));
        Self { peers, listener, turned_away, _accepting: accepting }
    }

    /// The next peer. May be given up, and begun again.
    pub(crate) async fn next(&mut self) -> Peer {
        match self.peers.recv().await {
            Some(peer) => peer,
            // The last word of the task was that it has ended.
            None => std::future::pending().await,
        }
    }

    /// What to note of connections that were closed without an answer.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        self.listener.refused().into_iter().chain(self.turned_away())
    }

    fn turned_away(&self) -> Option<String> {
        let count = self.turned_away.load(Ordering::Relaxed);
        (count > 0).then(|| {
            format!(
                "{count} connections to the run's socket were closed: they did not say hello within {} s, or more than \
                 {UNGREETED_MAX} had not said it at a time",
                HELLO_DEADLINE.as_secs()
            )
        })
    }
}

async fn accept(listener: Arc<Listener>, greeted: mpsc::Sender<Peer>, turned_away: Arc<AtomicU64>) {
    let room = Arc::new(Semaphore::new(UNGREETED_MAX));
    // Their tasks end with this one.
    let mut greetings = JoinSet::new();
    let mut errors = 0;
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(socket) => socket,
                Err(error) if errors == ERRORS_MAX => {
                    // A run that is over needs no word.
                    let _ = greeted.send(Peer::Broken(error)).await;
                    return;
                }
                Err(_) => {
                    tokio::time::sleep(ASK_AGAIN * 2u32.pow(errors)).await;
                    errors += 1;
                    continue;
                }
            },
            Some(_) = greetings.join_next() => continue,
        };
        errors = 0;
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            turned_away.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let (greeted, turned_away) = (greeted.clone(), Arc::clone(&turned_away));
        greetings.spawn(async move {
            let peer = greeting(socket, &turned_away).await;
            drop(permit);
            if let Some(peer) = peer {
                // A run that is over needs no peers.
                let _ = greeted.send(peer).await;
            }
        });
    }
}

async fn greeting(socket: UnixStream, turned_away: &AtomicU64) -> Option<Peer> {
    let (mut incoming, outgoing) = open(Wire::Unix(socket));
    match tokio::time::timeout(HELLO_DEADLINE, greet(&mut incoming)).await {
        Ok(Ok((Hello { role, .. }, protocol))) => Some(Peer::Greeted { role, protocol, incoming, outgoing }),
        Ok(Err(ConnectionError::Protocol(error))) => Some(Peer::Strange { error, outgoing }),
        // Whoever connects and goes away does no harm.
        Ok(Err(_)) => None,
        Err(_) => {
            turned_away.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}
