//! Leases, by which the containers of hosts that were killed are found. A host with containers keeps a folder below its
//! state locked, and each of its containers has the folder's name as a label. An unlocked folder belongs to a dead host:
//! the next host that finds it removes the containers with that label, even those that were never started, and then the
//! folder. Containers without a folder here, of another user or machine, are never touched.

use super::removal::remove;
use bollard::errors::Error as ApiError;
use bollard::query_parameters::ListContainersOptions;
use longshore_model::run_id::new_run_id;
use longshore_os::locked_folder::{LockedFolder, is_locked, remove_unlocked};
use longshore_os::small_file;
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The folder of leases in the state folder.
const FOLDER: &str = "leases";

/// The file that names the engine of a lease's containers.
const ENGINE: &str = "engine";

/// The label of containers. It is empty in images, so that containers that others create of them have no lease.
pub(super) const LABEL: &str = "longshore.lease";

/// Prefix of the names of all containers.
pub(super) const NAMES: &str = "longshore-";

/// The folder of leases, and their engine.
#[derive(Debug, Clone)]
pub(super) struct Leases {
    folder: PathBuf,
    socket: PathBuf,
}

/// The lock of a host that has containers.
#[derive(Debug)]
pub(super) struct Lease {
    folder: LockedFolder,
    /// Containers that may still exist.
    containers: AtomicUsize,
}

impl Leases {
    /// Leases of containers on the engine with this socket.
    pub(super) fn new(state_folder: &Path, socket: &Path) -> Self {
        Self { folder: state_folder.join(FOLDER), socket: socket.to_owned() }
    }

    /// Creates a lease, and keeps it locked. Blocks.
    pub(super) fn take(&self) -> io::Result<Arc<Lease>> {
        std::fs::create_dir_all(&self.folder)?;
        let folder = LockedFolder::create(&self.folder, &new_run_id(), 0o700)?;
        std::fs::write(folder.path().join(ENGINE), self.socket.as_os_str().as_encoded_bytes())?;
        Ok(Arc::new(Lease { folder, containers: AtomicUsize::new(0) }))
    }

    /// Removes the containers of dead hosts. If one fails, the next host tries again.
    pub(super) async fn reap(&self, api: &bollard::Docker) -> Result<(), ApiError> {
        let leases = self.clone();
        let dead = tokio::task::spawn_blocking(move || leases.dead()).await.unwrap_or_default();
        for folder in dead {
            let Some(lease) = folder.file_name().and_then(|name| name.to_str()) else { continue };
            remove_all(api, lease).await?;
            // If the folder stays, the next host only searches it again.
            let _ = tokio::task::spawn_blocking(move || remove_unlocked(&folder)).await;
        }
        Ok(())
    }

    /// The folders of dead hosts of this user, with containers on this engine.
    fn dead(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let user = rustix::process::geteuid().as_raw();
        let is_own =
            |folder: &PathBuf| folder.symlink_metadata().is_ok_and(|found| found.is_dir() && found.uid() == user);
        // A folder without the file is being created.
        let socket = self.socket.as_os_str().as_encoded_bytes();
        let said = |folder: &PathBuf| small_file::read(&folder.join(ENGINE), socket.len() as u64);
        let is_here = |folder: &PathBuf| said(folder).is_ok_and(|engine| engine == socket);
        folders.filter(|folder| is_own(folder) && is_here(folder) && !is_locked(folder)).collect()
    }
}

impl Lease {
    /// Counts a container that may exist from now on.
    pub(super) fn begin(&self) {
        self.containers.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts one less: it is known to be removed, or was never created.
    pub(super) fn end(&self) {
        self.containers.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn name(&self) -> &str {
        self.folder.path().file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether others still find it.
    pub(super) fn is_in_place(&self) -> bool {
        self.folder.path().join(ENGINE).exists()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // If the end of a container was not seen, its lease is left to the next host.
        if self.containers.load(Ordering::SeqCst) > 0 {
            self.folder.stay();
        }
    }
}

/// Removes the containers of a lease.
async fn remove_all(api: &bollard::Docker, lease: &str) -> Result<(), ApiError> {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}={lease}")])]);
    let options = ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
    for container in api.list_containers(Some(options)).await? {
        // Containers that others create of an image with such a label have other names.
        let is_ours = container.names.iter().flatten().any(|name| name.trim_start_matches('/').starts_with(NAMES));
        if let (true, Some(id)) = (is_ours, container.id) {
            remove(api, &id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dead_hosts_with_containers_on_the_same_engine_leave_leases() {
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(folder.path(), Path::new("/run/docker.sock"));
        let other = Leases::new(folder.path(), Path::new("/run/other.sock"));
        let living = leases.take().unwrap();
        // All of its containers were seen to be removed.
        drop(leases.take().unwrap());
        assert_eq!(std::fs::read_dir(folder.path().join(FOLDER)).unwrap().count(), 1);
        let dead = leases.take().unwrap();
        dead.begin();
        let path = dead.folder.path().to_owned();
        assert_eq!(leases.dead(), Vec::<PathBuf>::new());
        drop(dead);
        assert_eq!(leases.dead(), [path]);
        assert_eq!(other.dead(), Vec::<PathBuf>::new());
        drop(living);
    }

    #[test]
    fn a_lease_that_others_removed_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Leases::new(folder.path(), Path::new("/run/docker.sock")).take().unwrap();
        assert!(lease.is_in_place());
        std::fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
        assert!(!lease.is_in_place());
    }
}
