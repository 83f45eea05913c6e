//! A container that waits while commands change its files, and becomes an image. Its first process reads its standard
//! input, which is this connection: when the host is gone the engine closes it, the container ends and removes itself.
//! Commands come in from outside, so that their environment, which may hold secrets, is nowhere in the container's
//! configuration, and so not in the image's.

use super::build_policy::{closed, open};
use super::{Printed, Step, StoreError, Workshop, WorkshopPlan};
use crate::engine::{ImageId, was_out_of_memory};
use crate::run::new_run_id;
use crate::settings::BuildSettings;
use crate::words::size;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error as ApiError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerConfig, ContainerCreateBody, ExecConfig, ImageConfig};
use bollard::query_parameters::{
    AttachContainerOptions, CommitContainerOptions, CreateContainerOptions, InspectContainerOptions,
    RemoveContainerOptions, StartContainerOptions, UploadToContainerOptions,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often it is looked at how much was written: a disk that takes 1 GB a second has 5 GB more than it should by then.
/// The engine counts the files for it, which takes a tenth of a second for 50,000.
const LOOK: Duration = Duration::from_secs(5);

/// A container by the name that it gets. It is removed when this is dropped, whether it was made by then or not.
struct Named {
    api: bollard::Docker,
    name: String,
    removed: bool,
}

impl Named {
    async fn remove(&mut self) -> Result<(), StoreError> {
        self.removed = true;
        remove(&self.api, &self.name).await
    }

    /// Whether more was written than may be.
    async fn look_at_disk(&self, limits: BuildSettings) -> Result<(), StoreError> {
        let sized = InspectContainerOptions { size: true };
        let found = self.api.inspect_container(&self.name, Some(sized)).await;
        let written = match found {
            Ok(found) => found.size_rw.unwrap_or_default().unsigned_abs(),
            Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => {
                return Err(StoreError::WorkshopEnded);
            }
            Err(source) => return Err(StoreError::Engine { doing: "looking at what the build wrote", source }),
        };
        if written <= limits.disk_bytes {
            return Ok(());
        }
        Err(StoreError::Limit { did: "wrote more to disk", most: size(limits.disk_bytes), setting: "disk" })
    }

    /// Whether something was ended because there was no more memory.
    async fn look_for_lack_of_memory(&self, limits: BuildSettings) -> Result<(), StoreError> {
        if was_out_of_memory(&self.api, &self.name).await {
            let most = size(limits.memory_bytes);
            return Err(StoreError::Limit { did: "took more memory", most, setting: "memory" });
        }
        Ok(())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // Without a runtime the connection to its standard input is closing, and it ends and removes itself.
        if let (false, Ok(runtime)) = (self.removed, tokio::runtime::Handle::try_current()) {
            let (api, name) = (self.api.clone(), self.name.clone());
            runtime.spawn(async move { remove(&api, &name).await });
        }
    }
}

/// A workshop of an engine that speaks the Engine API.
pub(super) struct DockerWorkshop {
    container: Named,
    user: String,
    original: ImageConfig,
    /// What its commands may use; nothing is looked at in a closed one, where nothing can be written.
    limits: Option<BuildSettings>,
    // Its standard input is open for as long as this lives.
    _attached: AttachContainerResults,
}

impl DockerWorkshop {
    /// Makes a container of the plan's image, and starts it.
    pub(super) async fn open(api: &bollard::Docker, plan: &WorkshopPlan) -> Result<Self, StoreError> {
        let policy = |original: &ImageConfig| open(plan, original);
        Self::open_as(api, &plan.image, policy, Some(plan.limits)).await
    }

    /// Makes a container that is as closed as that of a run, and starts it.
    pub(super) async fn open_closed(api: &bollard::Docker, image: &ImageId) -> Result<Self, StoreError> {
        Self::open_as(api, image, |original| closed(image, original), None).await
    }

    async fn open_as(
        api: &bollard::Docker,
        image: &ImageId,
        policy: impl FnOnce(&ImageConfig) -> ContainerCreateBody,
        limits: Option<BuildSettings>,
    ) -> Result<Self, StoreError> {
        let gone = |source| match source {
            ApiError::DockerResponseServerError { status_code: 404, .. } => StoreError::Gone { image: image.0.clone() },
            source => StoreError::Engine { doing: "making a container to build in", source },
        };
        let original = api.inspect_image(&image.0).await.map_err(gone)?.config.unwrap_or_default();
        let configuration = policy(&original);
        let user = configuration.user.clone().unwrap_or_default();
        let mut container =
            Named { api: api.clone(), name: format!("longshore-build-{}", new_run_id()), removed: false };
        let name = CreateContainerOptions { name: Some(container.name.clone()), ..CreateContainerOptions::default() };
        api.create_container(Some(name), configuration).await.map_err(gone)?;
        let options = AttachContainerOptions { stdin: true, stream: true, ..AttachContainerOptions::default() };
        let attached = api.attach_container(&container.name, Some(options)).await;
        let attached = match attached {
            Ok(attached) => attached,
            Err(source) => {
                container.remove().await?;
                return Err(StoreError::Engine { doing: "attaching to the container to build in", source });
            }
        };
        let started = api.start_container(&container.name, None::<StartContainerOptions>).await;
        if let Err(source) = started {
            container.remove().await?;
            return Err(StoreError::Engine { doing: "starting a container to build in", source });
        }
        Ok(Self { container, user, original, limits, _attached: attached })
    }

    async fn execute(&mut self, step: Step, output: &mut (dyn FnMut(Printed<'_>) + Send)) -> Result<i64, StoreError> {
        let failed = |source| match source {
            ApiError::DockerResponseServerError { status_code: 404 | 409, .. } => StoreError::WorkshopEnded,
            source => StoreError::Engine { doing: "running a command of the build", source },
        };
        let limits = self.limits;
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(step.environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            cmd: Some(step.command),
            user: Some(self.user.clone()),
            ..ExecConfig::default()
        };
        let exec = self.container.api.create_exec(&self.container.name, config).await.map_err(failed)?.id;
        let started = self.container.api.start_exec(&exec, None::<StartExecOptions>).await.map_err(failed)?;
        if let StartExecResults::Attached { output: mut printed, .. } = started {
            let mut look = tokio::time::interval(LOOK);
            loop {
                let chunk = tokio::select! {
                    chunk = printed.next() => chunk,
                    _ = look.tick() => {
                        if let Some(limits) = limits {
                            self.container.look_at_disk(limits).await?;
                        }
                        continue;
                    }
                };
                match chunk.transpose().map_err(failed)? {
                    Some(LogOutput::StdErr { message }) => output(Printed::Err(&message)),
                    Some(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                        output(Printed::Out(&message));
                    }
                    Some(LogOutput::StdIn { .. }) => {}
                    None => break,
                }
            }
        }
        // The engine forgets a command with its container.
        let ended = self.container.api.inspect_exec(&exec).await.map_err(failed)?;
        let status = ended.exit_code.filter(|_| ended.running != Some(true)).ok_or(StoreError::WorkshopEnded)?;
        if let Some(limits) = limits {
            self.container.look_at_disk(limits).await?;
            if status != 0 {
                self.container.look_for_lack_of_memory(limits).await?;
            }
        }
        Ok(status)
    }
}

impl Workshop for DockerWorkshop {
    fn put(&mut self, archive: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let options = UploadToContainerOptions { path: "/".into(), ..UploadToContainerOptions::default() };
            let body = bollard::body_full(archive.into());
            let put = self.container.api.upload_to_container(&self.container.name, Some(options), body).await;
            put.map_err(StoreError::engine("putting files into the container that builds"))
        }
        .boxed()
    }

    fn run<'a>(
        &'a mut self,
        step: Step,
        output: &'a mut (dyn FnMut(Printed<'_>) + Send),
    ) -> BoxFuture<'a, Result<i64, StoreError>> {
        self.execute(step, output).boxed()
    }

    fn commit<'a>(&'a mut self, labels: &'a BTreeMap<String, String>) -> BoxFuture<'a, Result<ImageId, StoreError>> {
        async move {
            let options = CommitContainerOptions {
                container: Some(self.container.name.clone()),
                // Nothing runs in it but what waits.
                pause: false,
                ..CommitContainerOptions::default()
            };
            // What is left out here would be taken from the container, which is not as the image should be.
            let original = self.original.clone();
            let config = ContainerConfig {
                user: Some(original.user.unwrap_or_default()),
                env: original.env,
                cmd: Some(original.cmd.unwrap_or_default()),
                entrypoint: Some(original.entrypoint.unwrap_or_default()),
                working_dir: original.working_dir,
                volumes: original.volumes,
                exposed_ports: original.exposed_ports,
                labels: Some(labels.clone().into_iter().collect()),
                ..ContainerConfig::default()
            };
            let made = self.container.api.commit_container(options, config).await;
            Ok(ImageId(made.map_err(StoreError::engine("making an image of what was built"))?.id))
        }
        .boxed()
    }

    fn remove(mut self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        async move { self.container.remove().await }.boxed()
    }
}

async fn remove(api: &bollard::Docker, id: &str) -> Result<(), StoreError> {
    let force = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
    match api.remove_container(id, Some(force)).await {
        // Gone already, or about to be.
        Ok(()) | Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        Err(source) => Err(StoreError::Engine { doing: "removing the container that built", source }),
    }
}
