//! The run directory with a run's socket: it is locked while the run lives and removed at its end, in a folder of
//! Longshore's own. `folder.rs` marks and locks folders, and `runs.rs` checks the owner of the folder above.

mod runs;
mod waits;

use longshore_os::locked_folder::{LockedFolder, remove_abandoned};
pub(crate) use runs::check_runtime_folder;
pub use waits::{end_wait, waits};

use crate::EngineError;
use crate::listener::{Listener, Peers, SOCKET_PATH_BYTES};
use runs::RunsFolder;
use rustix::fs::{Mode, fchmod};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// The part of a run directory that a container sees: the marker and the lock stay outside.
const SHARED: &str = "shared";

/// Name of the socket in it.
const SOCKET: &str = "host.sock";

/// Name of the file beside it with the names of the container's hosts, if its engine writes none.
const HOSTS: &str = "hosts";

/// The file with the names of hosts, by the folder that its container sees: that one has the socket alone.
pub(crate) fn hosts_beside(shared: &Path) -> PathBuf {
    shared.with_file_name(HOSTS)
}

/// The names of the hosts of a container that has a loopback alone. As with an engine's own, `localhost` is the address
/// of version 4 alone: programs that listen at one of two addresses are found.
const LOOPBACK_HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tip6-localhost ip6-loopback\n";

/// The directory of one run; removed when this is closed or dropped.
#[derive(Debug)]
pub struct RunDirectory {
    folder: LockedFolder,
    shared: PathBuf,
    opened: OwnedFd,
    /// Removes the directories of killed hosts, while the run continues.
    sweeping: JoinHandle<()>,
}

impl RunDirectory {
    /// Creates the directory of a run below a runtime folder.
    pub async fn create(runtime_folder: &Path, run_id: &str) -> Result<Self, EngineError> {
        let (parent, name) = (runtime_folder.to_owned(), run_id.to_owned());
        let made = tokio::task::spawn_blocking(move || make(&parent, &name)).await;
        let (folder, opened, runs) = made.unwrap_or_else(|broken| {
            Err(EngineError::RunDirectory { path: runtime_folder.join(run_id), source: std::io::Error::other(broken) })
        })?;
        let sweeping = tokio::task::spawn_blocking(move || remove_abandoned(&runs, ""));
        Ok(Self { shared: folder.path().join(SHARED), folder, opened, sweeping })
    }

    /// The folder that a container sees as `/run/longshore`.
    pub fn folder(&self) -> &Path {
        &self.shared
    }

    /// Path of the socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder().join(SOCKET)
    }

    /// Listens on the socket, for these peers. The folder above is private to the host's user, which was checked at its
    /// creation, and the one container into which it is mounted has a user of its own.
    pub fn listen(&self, peers: Peers) -> Result<Listener, EngineError> {
        let socket = self.socket();
        let failed = |source| EngineError::RunDirectory { path: socket.clone(), source };
        // A path that is too long for an address is bound through its folder's descriptor; the path in a container is
        // short.
        let folder = PathBuf::from(format!("/proc/self/fd/{}", self.opened.as_raw_fd()));
        let is_long = socket.as_os_str().as_bytes().len() > SOCKET_PATH_BYTES;
        let address = if is_long { folder.join(SOCKET) } else { socket.clone() };
        let listener = UnixListener::bind(address).map_err(failed)?;
        std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).map_err(failed)?;
        Ok(Listener::new(listener, peers))
    }

    /// Writes the file with the names of hosts for a container whose engine writes none.
    ///
    /// # Errors
    /// [`EngineError::RunDirectory`].
    pub fn write_hosts(&self) -> Result<(), EngineError> {
        let path = hosts_beside(self.folder());
        // The container's user must be able to read it, whatever the umask.
        let written = std::fs::write(&path, LOOPBACK_HOSTS)
            .and_then(|()| std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)));
        written.map_err(|source| EngineError::RunDirectory { path, source })
    }

    /// Removes the directory, after those of killed hosts.
    pub async fn close(self) {
        let Self { folder, sweeping, .. } = self;
        // If removing the folders fails, the next run removes them.
        let _ = sweeping.await;
        let _ = tokio::task::spawn_blocking(move || drop(folder)).await;
    }
}

/// A run directory, its shared part, and the folder above it.
fn make(runtime_folder: &Path, run_id: &str) -> Result<(LockedFolder, OwnedFd, PathBuf), EngineError> {
    let runs = RunsFolder::open(runtime_folder)?;
    let failed = |source| EngineError::RunDirectory { path: runs.path.join(run_id), source };
    let folder = LockedFolder::create_in(&runs.opened, &runs.path, run_id, 0o700).map_err(failed)?;
    let shared = folder.subfolder(SHARED).map_err(failed)?;
    // The container's user must be able to enter it, whatever the umask.
    fchmod(&shared, Mode::from_raw_mode(0o755)).map_err(|error| failed(error.into()))?;
    Ok((folder, shared, runs.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_model::run_id::new_run_id;
    use longshore_os::locked_folder::is_locked;
    use std::os::unix::fs::MetadataExt;

    #[tokio::test]
    async fn run_directories_that_killed_hosts_left_go_and_living_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let runtime_folder = folder.path().join("run");
        let living = RunDirectory::create(&runtime_folder, &new_run_id()).await.unwrap();
        let (mut abandoned, _, runs) = make(&runtime_folder, &new_run_id()).unwrap();
        std::fs::write(abandoned.path().join(SOCKET), "").unwrap();
        abandoned.stay();
        let path = abandoned.path().to_owned();
        drop(abandoned);
        let beside = runtime_folder.join("of an application");
        std::fs::create_dir(&beside).unwrap();
        let next = RunDirectory::create(&runtime_folder, &new_run_id()).await.unwrap();
        next.close().await;
        assert!(living.folder().exists() && beside.exists());
        // The first of the two that found it has removed it by now.
        living.close().await;
        assert!(!path.exists());
        // The folders stay, so that no other user creates them.
        assert_eq!(std::fs::read_dir(runs).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_run_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = RunDirectory::create(folder.path(), &new_run_id()).await.unwrap();
        let path = place.folder.path().to_owned();
        let _listener = place.listen(Peers::Own).unwrap();
        assert!(place.socket().exists());
        drop(place);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn containers_can_enter_and_connect_whatever_the_umask() {
        let folder = tempfile::tempdir().unwrap();
        let place = RunDirectory::create(folder.path(), &new_run_id()).await.unwrap();
        let _listener = place.listen(Peers::Own).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(place.folder()), mode(&place.socket())), (0o755, 0o666));
    }

    #[tokio::test]
    async fn containers_can_read_the_names_of_hosts_and_they_go_with_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let place = RunDirectory::create(folder.path(), &new_run_id()).await.unwrap();
        place.write_hosts().unwrap();
        let path = hosts_beside(place.folder());
        assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0, "the container sees its socket alone");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), LOOPBACK_HOSTS);
        drop(place);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_for_an_address_has_a_socket_too() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("ü ".repeat(60));
        let place = RunDirectory::create(&long, &new_run_id()).await.unwrap();
        assert!(place.socket().as_os_str().len() > SOCKET_PATH_BYTES);
        let listener = place.listen(Peers::Own).unwrap();
        // Like a container, which sees it under another path.
        let seen = folder.path().join("seen");
        std::os::unix::fs::symlink(place.folder(), &seen).unwrap();
        let _connection = std::os::unix::net::UnixStream::connect(seen.join(SOCKET)).unwrap();
        listener.accept().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_that_start_and_end_at_once_leave_each_other_alone() {
        let folder = tempfile::tempdir().unwrap();
        let runs = (0..8).map(|_| {
            let runtime_folder = folder.path().to_owned();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let place = RunDirectory::create(&runtime_folder, &new_run_id()).await.unwrap();
                    assert!(is_locked(place.folder.path()));
                    place.close().await;
                }
            })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await.unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path().join("runs")).unwrap().count(), 0);
    }
}
