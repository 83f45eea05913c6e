//! Accepts connections, and reads their Hello. Each is greeted in a task of its own, so that a silent one delays no
//! other. The run decides which peer to welcome.

use crate::connection::{Incoming, Outgoing, Wire, greet, open};
use longshore_engine::listener::Listener;
use longshore_engine::task::Task;
use longshore_protocol::{ConnectionError, Hello, PREPARES, ProtocolError, Role, Version};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Most connections without a Hello at a time. An agent and a script's SDK send it at once, one after the other.
const UNGREETED_MAX: usize = 4;

/// How long a connection may take to send Hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// Delay before the first retry after an error of the socket; doubled each time.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Consecutive errors before the socket is abandoned: after 5 + 10 + … + 1280 ms, which is 2.6 s.
const ERRORS_MAX: u32 = 9;

/// A peer that connected to the socket.
#[derive(Debug)]
pub(crate) enum Peer {
    /// It has sent Hello. `prepares` tells that it accepts `prepare`.
    Greeted { role: Role, protocol: Version, prepares: bool, incoming: Incoming<Hello>, outgoing: Outgoing },
    /// Its first message is invalid.
    Strange { error: ProtocolError, outgoing: Outgoing },
    /// The socket accepts no more connections.
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

    /// The next peer. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Peer {
        match self.peers.recv().await {
            Some(peer) => peer,
            // The task has ended, after it sent `Peer::Broken`.
            None => std::future::pending().await,
        }
    }

    /// Notes on connections that were closed without an answer.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        self.listener.refused().into_iter().chain(self.turned_away())
    }

    fn turned_away(&self) -> Option<String> {
        let count = self.turned_away.load(Ordering::Relaxed);
        (count > 0).then(|| {
            format!(
                "closed {count} connections to the run's socket: they sent no Hello within {} s, or more than \
                {UNGREETED_MAX} were without a Hello at a time",
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
                    // After the end of the run there is no receiver.
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
                // After the end of the run there is no receiver.
                let _ = greeted.send(peer).await;
            }
        });
    }
}

async fn greeting(socket: UnixStream, turned_away: &AtomicU64) -> Option<Peer> {
    let (mut incoming, outgoing) = open(Wire::Unix(socket));
    match tokio::time::timeout(HELLO_DEADLINE, greet(&mut incoming)).await {
        Ok(Ok((hello, protocol))) => {
            let prepares = hello.is_capable_of(PREPARES);
            Some(Peer::Greeted { role: hello.role, protocol, prepares, incoming, outgoing })
        }
        Ok(Err(ConnectionError::Protocol(error))) => Some(Peer::Strange { error, outgoing }),
        // A peer that disconnects before its Hello is ignored.
        Ok(Err(_)) => None,
        Err(_) => {
            turned_away.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}
