//! A container that waits while commands change its files, and becomes an image. Its first process reads its standard
//! input, which is this connection: when the host is gone the engine closes it, the container ends and removes itself.
//! Commands come in from outside, so that their environment, which may hold secrets, is nowhere in the container's
//! configuration, and so not in the image's.

use super::{Printed, Step, StoreError, Workshop, WorkshopPlan};
use crate::engine::{ImageId, SCRIPT_USER};
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error as ApiError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerConfig, ContainerCreateBody, ExecConfig, HostConfig, ImageConfig, Mount, MountType};
use bollard::query_parameters::{
    AttachContainerOptions, CommitContainerOptions, RemoveContainerOptions, StartContainerOptions,
    UploadToContainerOptions,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeMap, HashMap};

/// Root, whoever the image runs as.
const ROOT: &str = "0:0";

/// What a closed workshop may use: an interpreter that lists its packages takes a tenth of it.
const CLOSED_MEMORY_BYTES: i64 = 1 << 30;

/// Processes and threads in a closed workshop: a shell and an interpreter, with a thread for each processor.
const CLOSED_PIDS: i64 = 256;

/// A workshop of an engine that speaks the Engine API.
pub(super) struct DockerWorkshop {
    api: bollard::Docker,
    id: String,
    user: String,
    original: ImageConfig,
    // Its standard input is open for as long as this lives.
    _attached: AttachContainerResults,
    removed: bool,
}

impl DockerWorkshop {
    /// Makes a container of the plan's image, and starts it.
    pub(super) async fn open(api: &bollard::Docker, plan: &WorkshopPlan) -> Result<Self, StoreError> {
        Self::open_as(api, &plan.image, configuration(plan)).await
    }

    /// Makes a container that is as closed as that of a run, and starts it.
    pub(super) async fn open_closed(api: &bollard::Docker, image: &ImageId) -> Result<Self, StoreError> {
        Self::open_as(api, image, closed(image)).await
    }

    async fn open_as(
        api: &bollard::Docker,
        image: &ImageId,
        configuration: ContainerCreateBody,
    ) -> Result<Self, StoreError> {
        let gone = |source| match source {
            ApiError::DockerResponseServerError { status_code: 404, .. } => StoreError::Gone { image: image.0.clone() },
            source => StoreError::Engine { doing: "making a container to build in", source },
        };
        let user = configuration.user.clone().unwrap_or_default();
        let original = api.inspect_image(&image.0).await.map_err(gone)?.config.unwrap_or_default();
        let id = api.create_container(None, configuration).await.map_err(gone)?.id;
        let options = AttachContainerOptions { stdin: true, stream: true, ..AttachContainerOptions::default() };
        let attached = api.attach_container(&id, Some(options)).await;
        let attached = match attached {
            Ok(attached) => attached,
            Err(source) => {
                remove(api, &id).await?;
                return Err(StoreError::Engine { doing: "attaching to the container to build in", source });
            }
        };
        let workshop = Self { api: api.clone(), id, user, original, _attached: attached, removed: false };
        let started = api.start_container(&workshop.id, None::<StartContainerOptions>).await;
        started.map_err(StoreError::engine("starting a container to build in"))?;
        Ok(workshop)
    }

    async fn execute(&mut self, step: Step, output: &mut (dyn FnMut(Printed<'_>) + Send)) -> Result<i64, StoreError> {
        let failed = |source| match source {
            ApiError::DockerResponseServerError { status_code: 404 | 409, .. } => StoreError::WorkshopEnded,
            source => StoreError::Engine { doing: "running a command of the build", source },
        };
        let config = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(step.environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
            cmd: Some(step.command),
            user: Some(self.user.clone()),
            ..ExecConfig::default()
        };
        let exec = self.api.create_exec(&self.id, config).await.map_err(failed)?.id;
        let started = self.api.start_exec(&exec, None::<StartExecOptions>).await.map_err(failed)?;
        if let StartExecResults::Attached { output: mut printed, .. } = started {
            while let Some(chunk) = printed.next().await {
                match chunk.map_err(failed)? {
                    LogOutput::StdErr { message } => output(Printed::Err(&message)),
                    LogOutput::StdOut { message } | LogOutput::Console { message } => output(Printed::Out(&message)),
                    LogOutput::StdIn { .. } => {}
                }
            }
        }
        // The engine forgets a command with its container.
        let ended = self.api.inspect_exec(&exec).await.map_err(failed)?;
        ended.exit_code.filter(|_| ended.running != Some(true)).ok_or(StoreError::WorkshopEnded)
    }
}

impl Workshop for DockerWorkshop {
    fn put(&mut self, archive: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let options = UploadToContainerOptions { path: "/".into(), ..UploadToContainerOptions::default() };
            let body = bollard::body_full(archive.into());
            let put = self.api.upload_to_container(&self.id, Some(options), body).await;
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
                container: Some(self.id.clone()),
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
            let made = self.api.commit_container(options, config).await;
            Ok(ImageId(made.map_err(StoreError::engine("making an image of what was built"))?.id))
        }
        .boxed()
    }

    fn remove(mut self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        async move {
            self.removed = true;
            remove(&self.api, &self.id).await
        }
        .boxed()
    }
}

impl Drop for DockerWorkshop {
    fn drop(&mut self) {
        // Without a runtime the connection to its standard input is closing, and it ends and removes itself.
        if let (false, Ok(runtime)) = (self.removed, tokio::runtime::Handle::try_current()) {
            let (api, id) = (self.api.clone(), self.id.clone());
            runtime.spawn(async move { remove(&api, &id).await });
        }
    }
}

fn configuration(plan: &WorkshopPlan) -> ContainerCreateBody {
    let mounts = plan.volumes.iter().map(|volume| Mount {
        target: Some(volume.target.clone()),
        source: Some(volume.name.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(!volume.writable),
        ..Mount::default()
    });
    ContainerCreateBody {
        image: Some(plan.image.0.clone()),
        entrypoint: Some(vec!["/bin/sh".into(), "-c".into(), "exec cat >/dev/null".into()]),
        cmd: Some(Vec::new()),
        user: Some(ROOT.into()),
        open_stdin: Some(true),
        stdin_once: Some(true),
        labels: Some(plan.labels.clone().into_iter().collect()),
        host_config: Some(HostConfig {
            network_mode: Some(if plan.network { "bridge" } else { "none" }.into()),
            mounts: Some(mounts.collect()),
            security_opt: Some(vec!["no-new-privileges".into()]),
            auto_remove: Some(true),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// What an image may do that is only looked at: no more than a script, and nothing can be changed.
fn closed(image: &ImageId) -> ContainerCreateBody {
    let labels = BTreeMap::from([("longshore.owner".to_owned(), "longshore".to_owned())]);
    let plan = WorkshopPlan { image: image.clone(), network: false, volumes: Vec::new(), labels };
    let open = configuration(&plan);
    ContainerCreateBody {
        user: Some(format!("{}:{}", SCRIPT_USER.uid, SCRIPT_USER.gid)),
        host_config: Some(HostConfig {
            readonly_rootfs: Some(true),
            // R wants a folder for its session.
            tmpfs: Some(HashMap::from([("/tmp".into(), format!("rw,nosuid,nodev,noexec,size={CLOSED_MEMORY_BYTES}"))])),
            cap_drop: Some(vec!["ALL".into()]),
            memory: Some(CLOSED_MEMORY_BYTES),
            memory_swap: Some(CLOSED_MEMORY_BYTES),
            pids_limit: Some(CLOSED_PIDS),
            ..open.host_config.unwrap_or_default()
        }),
        ..open
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
