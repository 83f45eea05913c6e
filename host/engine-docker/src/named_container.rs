//! A container that has a name before it exists, and is removed in any state when its owner is dropped.

use super::lease::{LABEL, Lease, NAMES};
use super::removal::remove;
use bollard::errors::Error as ApiError;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, InspectContainerOptions, StartContainerOptions};
use longshore_engine::task::blocking;
use longshore_engine::{SocketMemory, in_a_file, limit_sockets, socket_memory};
use longshore_model::activity::{Activities, Activity};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Podman's error, up to some version, about a profile that is sent as text, as Docker requires: it opens a file of
/// that name.
const PROFILE_IS_NO_FILE: &str = "opening seccomp profile failed";

/// A container, identified by its future name. It is removed when this is dropped, unless it is known to be removed.
#[derive(Debug)]
pub(crate) struct NamedContainer {
    api: bollard::Docker,
    name: String,
    temporary_folder: PathBuf,
    removals: Activities,
    lease: Option<Arc<Lease>>,
    state: State,
    /// Counted while the engine is asked for it: it may be removed then.
    asking: Option<Activity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unasked,
    /// The engine was asked to create it, and has not answered: it may create it at any time.
    Asked,
    Made,
    Gone,
}

impl NamedContainer {
    /// A container to be created, named `longshore-` and this.
    pub(super) fn new(
        api: bollard::Docker,
        name: &str,
        temporary_folder: &Path,
        removals: &Activities,
        lease: Option<Arc<Lease>>,
    ) -> Self {
        let (name, temporary_folder, removals) =
            (format!("{NAMES}{name}"), temporary_folder.to_owned(), removals.clone());
        Self { api, name, temporary_folder, removals, lease, state: State::Unasked, asking: None }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Creates it. An engine creates what it was asked for, also if nobody waits for its answer any more: this goes on to
    /// the answer by itself, and removes it then.
    pub(crate) async fn create(mut self, configuration: ContainerCreateBody) -> Result<Self, ApiError> {
        self.asking = self.removals.begin().ok();
        let asking = tokio::spawn(async move {
            let made = self.make(configuration).await;
            made.map(|()| self)
        });
        let mut made = asking.await.map_err(|error| ApiError::IOError { err: error.into() })??;
        made.asking = None;
        Ok(made)
    }

    async fn make(&mut self, mut configuration: ContainerCreateBody) -> Result<(), ApiError> {
        if let Some(lease) = &self.lease {
            configuration.labels.get_or_insert_default().insert(LABEL.into(), lease.name().into());
            lease.begin();
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
            lease.end();
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
                    lease.end();
                }
            });
        }
    }
}
