//! The socket of a run, and the users that may connect to it: the only code that checks the credentials of a peer, for
//! agents and scripts alike. Refused peers are counted, and have no other effect. The sessions own the messages of a
//! connection.

use longshore_os::small_file::{MADE_MAX, read_text};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::OnceCell;

/// Maximum bytes of a socket's path: 108 in its address, the last of which is zero.
pub(crate) const SOCKET_PATH_BYTES: usize = 107;

/// Users whose subordinate ids an engine of root gives to containers, besides root's: Docker's `userns-remap` and
/// Podman's `userns=auto`.
const REMAPPING_USERS: [&str; 2] = ["dockremap", "containers"];

/// The users that may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// Processes of this host's own user.
    Own,
    /// The agent and the script of one container, of an engine that belongs to the user `engine`: the agent as root,
    /// which is that user outside the engine's containers, or as the script. If the engine has a user namespace, their
    /// ids are subordinate ids of its owner.
    Contained {
        /// The user that the engine belongs to.
        engine: u32,
        /// The user that the script runs as.
        script: u32,
    },
}

/// A socket that accepts connections of expected peers only.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    peers: Peers,
    /// The ids that the engine's owner may give to containers, read when an unexpected id connects.
    subordinate: OnceCell<Vec<Range<u64>>>,
    refused: AtomicU64,
    last_refused: AtomicU32,
}

impl Listener {
    /// Takes over a listening socket.
    pub(crate) fn new(socket: UnixListener, peers: Peers) -> Self {
        Self {
            socket,
            peers,
            subordinate: OnceCell::new(),
            refused: AtomicU64::new(0),
            last_refused: AtomicU32::new(0),
        }
    }

    /// The next connection of an expected peer. Others are closed unread. Cancel safe.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (connection, _) = self.socket.accept().await?;
            // A connection without credentials is refused.
            let user = connection.peer_cred().map_or(u32::MAX, |peer| peer.uid());
            if self.expects(user).await {
                return Ok(connection);
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.last_refused.store(user, Ordering::Relaxed);
        }
    }

    /// A note about refused connections.
    pub fn refused(&self) -> Option<String> {
        let count = self.refused.load(Ordering::Relaxed);
        let last = self.last_refused.load(Ordering::Relaxed);
        let expected = match self.peers {
            Peers::Own => format!("this host's user {}", rustix::process::geteuid().as_raw()),
            Peers::Contained { script, .. } => format!("this run's user {script}"),
        };
        (count > 0)
            .then(|| format!("refused {count} connections of users other than {expected}, the last one of user {last}"))
    }

    async fn expects(&self, user: u32) -> bool {
        match self.peers {
            Peers::Own => user == rustix::process::geteuid().as_raw(),
            // Root of this machine is root of a container whose engine has no user namespace, even if its socket
            // belongs to another user, who forwards it.
            Peers::Contained { engine, script } if user == script || user == engine || user == 0 => true,
            Peers::Contained { engine, .. } => {
                let read = || async move {
                    let reading = tokio::task::spawn_blocking(move || {
                        let file = |path: &str| read_text(Path::new(path), MADE_MAX).unwrap_or_default();
                        subordinate_ids(&file("/etc/subuid"), &file("/etc/passwd"), engine)
                    });
                    reading.await.unwrap_or_default()
                };
                let ranges = self.subordinate.get_or_init(read).await;
                ranges.iter().any(|range| range.contains(&u64::from(user)))
            }
        }
    }
}

/// The subordinate ids of a user, from the texts of `/etc/subuid` and `/etc/passwd`.
fn subordinate_ids(ranges: &str, users: &str, user: u32) -> Vec<Range<u64>> {
    let id = user.to_string();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    };
    let mut names: Vec<String> = users.lines().filter_map(name).chain([id.clone()]).collect();
    if user == 0 {
        names.extend(REMAPPING_USERS.map(str::to_owned));
    }
    let range = |line: &str| {
        let (name, range) = line.split_once(':')?;
        let (start, count) = range.split_once(':')?;
        let (start, count): (u64, u64) = (start.trim().parse().ok()?, count.trim().parse().ok()?);
        // A range from 0 would include root.
        let is_wanted = start > 0 && names.iter().any(|wanted| wanted == name);
        is_wanted.then(|| start..start.saturating_add(count))
    };
    ranges.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::Uid;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// Connects as a user, and waits until the other side has read or closed the connection.
    fn connect_as(user: Option<u32>, socket: &Path) -> std::thread::JoinHandle<usize> {
        let socket = socket.to_owned();
        std::thread::spawn(move || {
            if let Some(user) = user.map(Uid::from_raw) {
                // Only for this thread.
                rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            }
            let mut connection = std::os::unix::net::UnixStream::connect(socket).unwrap();
            std::io::Read::read(&mut connection, &mut [0; 8]).unwrap()
        })
    }

    fn listen(folder: &Path, name: &str, peers: Peers) -> (Listener, std::path::PathBuf) {
        let socket = folder.join(name);
        let listener = Listener::new(UnixListener::bind(&socket).unwrap(), peers);
        for path in [folder, &socket] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
        }
        (listener, socket)
    }

    /// The script user of a run.
    const SCRIPT: u32 = 43_570;

    #[tokio::test]
    async fn who_is_not_expected_is_refused_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid();
        // The user `u32::MAX - 1` has no subordinate ids.
        let (listener, socket) =
            listen(folder.path(), "contained", Peers::Contained { engine: u32::MAX - 1, script: SCRIPT });
        let mut refused = Vec::new();
        let mut expected = None;
        if !own.is_root() {
            refused.extend([connect_as(None, &socket), connect_as(None, &socket)]);
        } else {
            // Including scripts of other runs.
            refused.extend([SCRIPT + 1, SCRIPT - 1, 4356, 4355].map(|user| connect_as(Some(user), &socket)));
            expected = Some(connect_as(Some(SCRIPT), &socket));
        }
        let count = refused.len();
        let turned_away = async {
            while listener.refused.load(Ordering::Relaxed) < count as u64 {
                tokio::task::yield_now().await;
            }
        };
        let mut accepted = 0;
        tokio::pin!(turned_away);
        loop {
            tokio::select! {
                connection = listener.accept() => {
                    assert_eq!(connection.unwrap().peer_cred().unwrap().uid(), SCRIPT);
                    accepted += 1;
                }
                () = &mut turned_away, if accepted == usize::from(expected.is_some()) => break,
            }
        }
        for connection in refused.into_iter().chain(expected) {
            assert_eq!(connection.join().unwrap(), 0);
        }
        let note = listener.refused().unwrap();
        assert!(
            note.starts_with(&format!("refused {count} connections of users other than this run's user {SCRIPT}")),
            "{note}"
        );
    }

    #[tokio::test]
    async fn the_agent_connects_as_root_of_its_engine() {
        let folder = tempfile::tempdir().unwrap();
        let engine = rustix::process::geteuid().as_raw();
        let (listener, socket) = listen(folder.path(), "agent", Peers::Contained { engine, script: SCRIPT });
        let connected = connect_as(None, &socket);
        drop(listener.accept().await.unwrap());
        assert_eq!((connected.join().unwrap(), listener.refused()), (0, None));
    }

    #[tokio::test]
    async fn the_hosts_own_user_is_expected_of_its_own_processes() {
        let folder = tempfile::tempdir().unwrap();
        let (listener, socket) = listen(folder.path(), "own", Peers::Own);
        let connected = connect_as(None, &socket);
        drop(listener.accept().await.unwrap());
        assert_eq!((connected.join().unwrap(), listener.refused()), (0, None));
    }

    #[test]
    fn only_subordinate_ids_of_the_engines_owner_count() {
        let users = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\neve:x:1001:1001::/:/bin/sh\n";
        let ranges =
            "ada:100000:65536\neve:165536:65536\n1000:300000:10\ndockremap:400000:65536\nroot:0:10\n\nada:x:1\n";
        let found = |user| {
            let found = subordinate_ids(ranges, users, user);
            found.iter().map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(found(1000), [(100_000, 165_536), (300_000, 300_010)]);
        assert_eq!(found(1001), [(165_536, 231_072)]);
        assert_eq!(found(0), [(400_000, 465_536)]);
        assert_eq!(found(1002), []);
    }
}
