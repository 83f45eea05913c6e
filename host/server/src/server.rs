//! The server: accepts callers until it is told to stop or has had nothing to do, then lets its runs go on to a deadline
//! and ends the rest.

use crate::blocks::KnownBlocks;
use crate::error::ServerError;
use crate::http::{HttpListening, router};
use crate::open::Open;
use crate::outputs::KeptOutputs;
use crate::session::{self, Shared};
use crate::socket::Listening;
use crate::start::tidy;
use crate::tally::Tally;
use crate::web::Web;
use longshore::causes::chain;
use longshore::config::SettingsDigests;
use longshore::{Cancel, Host, Remedy};
use longshore_os::locked_folder::{TEMPORARY, remove_abandoned};
use longshore_protocol::Software;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

/// Descriptors of a run that waits: its connection, its open tables, the folders of its outputs and its share of its
/// image. Most have fewer.
const DESCRIPTORS: u64 = 8;

/// Descriptors of the host itself: its databases, its engine, HTTP.
const DESCRIPTORS_OWN: u64 = 512;

/// Connections beside those of runs that wait: runs that go on, and callers that have not asked yet.
const CONNECTIONS: u64 = 512;

/// The fewest connections, on a machine with very few descriptors.
const CONNECTIONS_MIN: u64 = 64;

/// The most connections at a time. Each is a run, and takes memory and descriptors even while it waits: some 50 KiB and
/// `DESCRIPTORS`.
fn connections(open_files: u64, queue: u64) -> usize {
    let most = open_files.saturating_sub(DESCRIPTORS_OWN) / DESCRIPTORS;
    usize::try_from(most.min(queue.saturating_add(CONNECTIONS)).max(CONNECTIONS_MIN)).unwrap_or(usize::MAX)
}

/// How long to wait after an error of accepting, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How a server serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The program's name and version, which callers compare with theirs.
    pub software: Software,
    /// Whether runs that ask for it, and runs that leave the choice where no container engine is installed, get none.
    pub allows_processes: bool,
    /// Ends the server once it has had no connection for this long.
    pub idle: Option<Duration>,
    /// How long runs may go on once the server is told to stop.
    pub drain: Duration,
    /// Folders of blocks that runs over HTTP may name.
    pub blocks: Vec<PathBuf>,
    /// Most bytes of the tables that are kept of runs over HTTP.
    pub outputs_bytes: u64,
    /// The most files that this process may have open.
    pub open_files: u64,
    /// What a caller can do about an outcome, in the words of this program, for the pages.
    pub words: fn(&Remedy) -> Option<String>,
}

/// The bytes of tables that are kept, unless an operator says otherwise.
pub const OUTPUTS_BYTES: u64 = 1 << 30;

/// Linux's limit for a program that has not raised it.
const OPEN_FILES: u64 = 1024;

impl ServerOptions {
    /// A server that stays, and lets its runs go on for half a minute once it is told to stop.
    #[must_use]
    pub fn new(software: Software) -> Self {
        Self {
            software,
            allows_processes: false,
            idle: None,
            drain: Duration::from_secs(30),
            blocks: Vec::new(),
            outputs_bytes: OUTPUTS_BYTES,
            open_files: OPEN_FILES,
            words: |_| None,
        }
    }
}

/// Why a server has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// It was told to stop, and all its runs had ended by the deadline.
    Stopped,
    /// It was told to stop, and ended so many runs at the deadline.
    Cut(usize),
    /// It had nothing to do.
    Idle,
}

/// A resident host on its socket.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
    listener: UnixListener,
    http: Option<HttpListening>,
    shared: Shared,
    options: ServerOptions,
}

impl Server {
    /// A server of this host on this socket. Call it in a Tokio runtime.
    ///
    /// # Errors
    /// [`ServerError::Listen`]: the runtime cannot watch the socket.
    pub fn new(host: Host, listening: Listening, options: ServerOptions) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen { path: listening.path().to_owned(), source };
        let listener = listening.listener.try_clone().and_then(UnixListener::from_std).map_err(failed)?;
        let shared = Shared {
            software: options.software.clone(),
            allows_processes: options.allows_processes,
            digests: SettingsDigests::of(host.settings()),
            closing: Cancel::new(),
            tally: Tally::default(),
            host: host.resident(),
        };
        Ok(Self { listening, listener, http: None, shared, options })
    }

    /// Serves HTTP too.
    ///
    /// # Errors
    /// [`ServerError::NoHistory`].
    pub fn with_http(mut self, listening: HttpListening) -> Result<Self, ServerError> {
        if self.shared.host.settings().runs.keep == 0 {
            return Err(ServerError::NoHistory);
        }
        self.http = Some(listening);
        Ok(self)
    }

    /// Serves until `stop` is cancelled or it has been idle for long enough. Nothing of its runs is left then. A second
    /// level of `stop` ends runs without waiting for the deadline.
    pub async fn serve(self, stop: &Cancel) -> Served {
        let Self { listening, listener, http, shared, options } = self;
        let work_folder = shared.host.settings().work_folder.clone();
        // Files of blocks that callers of a killed one had sent along. What cannot be removed is found again.
        let _ = tokio::task::spawn_blocking(move || remove_abandoned(&work_folder, TEMPORARY)).await;
        let most = connections(options.open_files, shared.host.settings().admission.queue);
        let places = Arc::new(Semaphore::new(most));
        let open = Open::new();
        let mut sessions = JoinSet::new();
        let runs = TaskTracker::new();
        let serving = http.map(|http| {
            tokio::spawn(serve_http(http, shared.clone(), options.clone(), runs.clone(), open.clone(), stop.clone()))
        });
        let idle = loop {
            let idle = async {
                match options.idle {
                    None => std::future::pending().await,
                    Some(idle) => open.idle(idle).await,
                }
            };
            let accepted = tokio::select! {
                accepted = accept(&listener, &places, most) => accepted,
                Some(_) = sessions.join_next() => continue,
                () = stop.cancelled() => break false,
                () = idle => break true,
            };
            let Some((socket, place)) = accepted else { continue };
            let shared = shared.clone();
            let (counted, turn) = (open.hold(), shared.host.admission().turn());
            sessions.spawn(async move {
                let _held = (place, counted);
                if let Err(error) = session::serve(socket, turn, &shared).await {
                    tracing::warn!("a caller: {}", chain(&error));
                }
            });
        };
        // Callers that come now find no socket, and run by themselves.
        drop(listener);
        drop(listening);
        shared.closing.cancel(longshore::CancelLevel::Gently);
        if idle {
            shared.host.shutdown().await;
            return Served::Idle;
        }
        runs.close();
        let drained = async { tokio::join!(async { while sessions.join_next().await.is_some() {} }, runs.wait()) };
        let in_time = tokio::select! {
            in_time = tokio::time::timeout(options.drain, drained) => in_time.is_ok(),
            _ = stop.beyond(longshore::CancelLevel::Gently) => false,
        };
        let left = sessions.len() + runs.len();
        shared.host.shutdown().await;
        // They send their records, and their answers.
        let answered = async {
            while sessions.join_next().await.is_some() {}
            runs.wait().await;
            if let Some(serving) = serving {
                let _ = serving.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, answered).await;
        if in_time { Served::Stopped } else { Served::Cut(left) }
    }
}

/// How long callers may take to read the records of runs that were ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// The next connection. One for which there is no place is told so.
async fn accept(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
    most: usize,
) -> Option<(UnixStream, OwnedSemaphorePermit)> {
    match listener.accept().await {
        Ok((socket, _)) => match Arc::clone(places).try_acquire_owned() {
            Ok(place) => Some((socket, place)),
            Err(_) => {
                session::turn_away(&socket, format!("it serves {most} callers already"));
                None
            }
        },
        Err(error) => {
            tracing::warn!("cannot accept a connection: {error}");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// Serves HTTP until `closing`, and then until the last answer is sent.
async fn serve_http(
    http: HttpListening,
    shared: Shared,
    options: ServerOptions,
    runs: TaskTracker,
    open: Open,
    stop: Cancel,
) {
    let outputs = KeptOutputs::new(&shared.host.settings().state_folder, options.outputs_bytes);
    let blocks = KnownBlocks::new(options.blocks);
    // Records may have been removed while no host was there.
    let (kept, state_folder) = (outputs.clone(), shared.host.settings().state_folder.clone());
    let _ = tokio::task::spawn_blocking(move || tidy(&kept, &state_folder)).await;
    let web = Web::new(shared.clone(), blocks, outputs, runs, open.clone(), stop, options.words);
    let measuring = web.samples.clone().measure(shared.host, shared.closing.clone());
    tokio::join!(http.serve(router(web), &shared.closing, &open), measuring);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_connections_as_runs_may_wait_and_descriptors_suffice() {
        assert_eq!(connections(1 << 20, 10_000), 10_512);
        assert_eq!(connections(1 << 20, 0), 512);
        assert_eq!(connections(8704, 10_000), 1024);
        assert_eq!(connections(100, 10_000), 64);
    }
}
