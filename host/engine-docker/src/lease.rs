//! Longshore's containers: each has a name before it exists, and is removed in any state when its owner is dropped.
//! Leases cover hosts that are killed. A host with containers keeps a folder below its state locked, and each of its
//! containers has the folder's name as a label. An unlocked folder belongs to a dead host: the next host that finds it
//! removes the containers with that label, even those that were never started, and then the folder. Containers without
//! a folder here, of another user or machine, are never touched.

use bollard::errors::Error as ApiError;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptions, RemoveContainerOptions,
    StartContainerOptions,
};
use longshore_engine::task::blocking;
use longshore_engine::{SocketMemory, in_a_file, limit_sockets, socket_memory};
use longshore_model::activity::Activities;
use longshore_model::run_id::new_run_id;
use longshore_os::locked_folder::{LockedFolder, is_locked, remove_unlocked};
use longshore_os::small_file;
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// The folder of leases in the state folder.
const FOLDER: &str = "leases";

/// The file that names the engine of a lease's containers.
const ENGINE: &str = "engine";

/// The label of containers. It is empty in images, so that containers that others create of them have no lease.
pub(super) const LABEL: &str = "longshore.lease";

/// How often a host that stays looks for the containers of dead hosts, while it creates some.
const REAPS: Duration = Duration::from_secs(60);

/// Prefix of the names of all containers.
pub(super) const NAMES: &str = "longshore-";

/// Podman's error, up to some version, about a profile that is sent as text, as Docker requires: it opens a file of
/// that name.
const PROFILE_IS_NO_FILE: &str = "opening seccomp profile failed";

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

/// A container, identified by its future name. It is removed when this is dropped, unless it is known to be removed.
#[derive(Debug)]
pub(crate) struct NamedContainer {
    api: bollard::Docker,
    name: String,
    temporary_folder: PathBuf,
    removals: Activities,
    lease: Option<Arc<Lease>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unasked,
    /// The engine was asked to create it, and has not answered: it may create it at any time.
    Asked,
    Made,
    Gone,
}

/// Creates containers that the next host removes if their host was killed.
#[derive(Debug, Clone)]
pub(super) struct Containers {
    pub(super) api: bollard::Docker,
    leases: Leases,
    temporary_folder: PathBuf,
    /// Removals of containers whose owners were dropped.
    removals: Activities,
    /// Taken with the first container; `None` in it if the state folder cannot be written.
    lease: Arc<OnceCell<Option<Arc<Lease>>>>,
    reaping: Arc<Reaping>,
}

/// When the containers of dead hosts were looked for.
#[derive(Debug, Default)]
struct Reaping(Mutex<Option<Instant>>);

impl Reaping {
    /// Whether they are to be looked for at this time; if so, it is recorded as done.
    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= REAPS);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

impl Containers {
    pub(super) fn new(api: bollard::Docker, leases: Leases, temporary_folder: PathBuf) -> Self {
        let (removals, lease, reaping) = (Activities::new(), Arc::default(), Arc::default());
        Self { api, leases, temporary_folder, removals, lease, reaping }
    }

    /// A container to be created, named `longshore-` and this. The first call, and the first of each minute, also remove the
    /// containers of dead hosts, in the background.
    pub(super) async fn container(&self, name: &str) -> NamedContainer {
        if self.reaping.is_due(Instant::now()) {
            let (leases, api) = (self.leases.clone(), self.api.clone());
            // Not awaited: containers that it does not remove are found by the next host.
            tokio::spawn(async move { leases.reap(&api).await });
        }
        let lease = self.lease.get_or_init(|| async {
            let leases = self.leases.clone();
            // Without a lease a container may outlive a killed host; that does not prevent a run.
            tokio::task::spawn_blocking(move || leases.take()).await.ok()?.ok()
        });
        NamedContainer {
            api: self.api.clone(),
            name: format!("{NAMES}{name}"),
            temporary_folder: self.temporary_folder.clone(),
            removals: self.removals.clone(),
            lease: lease.await.clone(),
            state: State::Unasked,
        }
    }

    /// Whether the next host finds the containers that are created from now on: not once the lease is missing.
    pub(super) fn is_leased(&self) -> bool {
        let taken = self.lease.get();
        taken.is_none_or(|lease| lease.as_ref().is_some_and(|lease| lease.is_in_place()))
    }

    /// Waits until the containers whose owners were dropped are removed.
    pub(super) async fn settle(&self) {
        self.removals.idle().await;
    }

    /// Removes the containers of dead hosts.
    pub(super) async fn reap(&self) -> Result<(), ApiError> {
        self.leases.reap(&self.api).await
    }
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
    fn name(&self) -> &str {
        self.folder.path().file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether others still find it.
    fn is_in_place(&self) -> bool {
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

impl NamedContainer {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Creates it.
    pub(crate) async fn create(&mut self, mut configuration: ContainerCreateBody) -> Result<(), ApiError> {
        if let Some(lease) = &self.lease {
            configuration.labels.get_or_insert_default().insert(LABEL.into(), lease.name().into());
            lease.containers.fetch_add(1, Ordering::SeqCst);
        }
        self.state = State::Asked;
        let mut made = self.ask(&configuration).await;
        if let Err(ApiError::DockerResponseServerError { status_code: 409, .. }) = &made {
            // The name contains a unique id of Longshore: an earlier attempt was not removed.
            remove(&self.api, &self.name).await?;
            made = self.ask(&configuration).await;
        }
        match made {
            Ok(()) => self.state = State::Made,
            Err(ApiError::DockerResponseServerError { .. }) => self.is_gone(),
            Err(_) => {}
        }
        made
    }

    /// Asks the engine to create it.
    async fn ask(&self, configuration: &ContainerCreateBody) -> Result<(), ApiError> {
        let options = || CreateContainerOptions { name: Some(self.name.clone()), ..CreateContainerOptions::default() };
        let made = self.api.create_container(Some(options()), configuration.clone()).await;
        let takes_files = |message: &str| message.contains(PROFILE_IS_NO_FILE);
        let Err(ApiError::DockerResponseServerError { message, .. }) = &made else { return made.map(drop) };
        if !takes_files(message) {
            return made.map(drop);
        }
        let (mut configuration, folder) = (configuration.clone(), self.temporary_folder.clone());
        let (configuration, file) = blocking(move || {
            let host = configuration.host_config.get_or_insert_default();
            let file = in_a_file(host.security_opt.get_or_insert_default(), &folder)?;
            Ok((configuration, file))
        })
        .await
        .map_err(|err| ApiError::IOError { err })?;
        let made = self.api.create_container(Some(options()), configuration).await;
        // The engine has read the file by now.
        drop(file);
        made.map(drop)
    }

    /// Starts it, and returns how the memory of its sockets is counted. The limit is set before any process in it opens
    /// one: an agent and a build container wait for their commands.
    pub(crate) async fn start(&self) -> Result<SocketMemory, ApiError> {
        self.api.start_container(&self.name, None::<StartContainerOptions>).await?;
        let counted = socket_memory();
        if counted != SocketMemory::Limited {
            return Ok(counted);
        }
        let found = self.api.inspect_container(&self.name, None::<InspectContainerOptions>).await;
        let process = found.ok().and_then(|found| Some((found.id?, found.state?.pid?)));
        let Some((id, process)) = process else { return Ok(SocketMemory::Uncounted) };
        // A container that has ended has no sockets; a remote engine has its control groups on its own machine.
        let limited = blocking(move || limit_sockets(&id, process)).await;
        Ok(if limited.is_ok() { SocketMemory::Limited } else { SocketMemory::Uncounted })
    }

    /// Removes it, and waits until it is removed.
    pub(crate) async fn remove(&mut self) -> Result<(), ApiError> {
        remove(&self.api, &self.name).await?;
        self.is_gone();
        Ok(())
    }

    /// Records that it is removed, or was never created.
    pub(crate) fn is_gone(&mut self) {
        if !matches!(self.state, State::Unasked | State::Gone)
            && let Some(lease) = &self.lease
        {
            lease.containers.fetch_sub(1, Ordering::SeqCst);
        }
        self.state = State::Gone;
    }
}

impl Drop for NamedContainer {
    fn drop(&mut self) {
        // Without a runtime, the connection to its first process closes too, so it ends and removes itself.
        if let (State::Asked | State::Made, Ok(runtime)) = (self.state, tokio::runtime::Handle::try_current()) {
            let (api, name, lease, state) = (self.api.clone(), self.name.clone(), self.lease.take(), self.state);
            let counted = self.removals.begin();
            // Not awaited here: if it does not finish, the lease stays, and the next host removes the container.
            runtime.spawn(async move {
                let _counted = counted;
                let removed = remove(&api, &name).await;
                if let (Ok(()), State::Made, Some(lease)) = (removed, state, lease) {
                    lease.containers.fetch_sub(1, Ordering::SeqCst);
                }
            });
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

pub(super) async fn remove(api: &bollard::Docker, name: &str) -> Result<(), ApiError> {
    let force = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
    match api.remove_container(name, Some(force)).await {
        // The container is removed already, or about to be.
        Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        removed => removed,
    }
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
        dead.containers.fetch_add(1, Ordering::SeqCst);
        let path = dead.folder.path().to_owned();
        assert_eq!(leases.dead(), Vec::<PathBuf>::new());
        drop(dead);
        assert_eq!(leases.dead(), [path]);
        assert_eq!(other.dead(), Vec::<PathBuf>::new());
        drop(living);
    }

    #[test]
    fn a_host_that_stays_looks_for_dead_ones_once_a_minute() {
        let (reaping, begun) = (Reaping::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let due: Vec<u64> = (0..=130).filter(|seconds| reaping.is_due(at(*seconds))).collect();
        assert_eq!(due, [0, 60, 120]);
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
