//! A container that waits while commands change its files, and becomes an image. It starts with the first command. Its
//! first process reads its standard input, which is this connection: when the host ends, the engine closes it, and the
//! container ends and removes itself. Commands are started from outside, so that their environment, which may contain
//! secrets, is not in the configuration of the container or the image.

use super::container_body::body;
use super::containers::Containers;
use super::events::was_out_of_memory;
use super::failed;
use super::lease::LABEL;
use super::named_container::NamedContainer;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error as ApiError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ChangeType, ContainerConfig, ContainerCreateBody, ExecConfig, FilesystemChange, ImageConfig};
use bollard::query_parameters::{
    AttachContainerOptions, CommitContainerOptions, DownloadFromContainerOptions, InspectContainerOptions,
    UploadToContainerOptions,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use longshore_config::settings::BuildSettings;
use longshore_engine::{BuildContainer, BuildPlan, Policy, Printed, Step, StoreError};
use longshore_model::human::size;
use longshore_model::image_id::ImageId;
use longshore_model::run_id::new_run_id;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Interval of disk use checks: a disk that writes 1 GB a second exceeds the limit by 5 GB by then. The engine counts
/// the files for each, which takes a tenth of a second for 50,000.
const LOOK: Duration = Duration::from_secs(5);

/// The folder of temporary files, in which builds leave nothing of use.
const TEMPORARY_FOLDER: &str = "/tmp";

/// The failed action if a container cannot be removed.
const REMOVING: &str = "removing the build container";

/// A build container of an engine with the Engine API.
pub(super) struct DockerBuildContainer {
    api: bollard::Docker,
    containers: Containers,
    container: NamedContainer,
    user: String,
    original: ImageConfig,
    /// The limits of its commands; not checked in a probe container, whose files are read-only.
    limits: Option<BuildSettings>,
    /// Places whose files are not those of a new image.
    outside: Vec<String>,
    /// Its standard input, once it is started: open as long as this lives.
    attached: Option<AttachContainerResults>,
}

impl DockerBuildContainer {
    /// Creates a container of the plan's image.
    pub(super) async fn open(containers: &Containers, plan: &BuildPlan) -> Result<Self, StoreError> {
        let policy = |volumes: &[String]| Policy::build(plan, volumes);
        Self::open_as(containers, &plan.image, policy, &plan.labels, Some(plan.limits)).await
    }

    /// Creates a container as isolated as that of a run.
    pub(super) async fn open_closed(containers: &Containers, image: &ImageId) -> Result<Self, StoreError> {
        let labels = BTreeMap::from([("longshore.owner".to_owned(), "longshore".to_owned())]);
        Self::open_as(containers, image, Policy::probe, &labels, None).await
    }

    async fn open_as(
        containers: &Containers,
        image: &ImageId,
        policy: impl FnOnce(&[String]) -> Policy,
        labels: &BTreeMap<String, String>,
        limits: Option<BuildSettings>,
    ) -> Result<Self, StoreError> {
        let gone = |source| match source {
            ApiError::DockerResponseServerError { status_code: 404, .. } => StoreError::Gone { image: image.0.clone() },
            source => failed("creating the build container")(source),
        };
        let api = &containers.api;
        let original = api.inspect_image(&image.0).await.map_err(gone)?.config.unwrap_or_default();
        let policy = policy(original.volumes.as_deref().unwrap_or_default());
        let configuration = container(image, labels, &policy);
        let volumes = policy.volumes.iter().map(|volume| volume.target.clone());
        let outside = volumes.chain(std::iter::once(TEMPORARY_FOLDER.to_owned())).collect();
        let user = configuration.user.clone().unwrap_or_default();
        let container = containers.container(&format!("build-{}", new_run_id())).await;
        let container = container.create(configuration).await.map_err(gone)?;
        let containers = containers.clone();
        Ok(Self { api: api.clone(), containers, container, user, original, limits, outside, attached: None })
    }

    /// Starts it, if that has not been done.
    async fn start(&mut self) -> Result<(), StoreError> {
        if self.attached.is_some() {
            return Ok(());
        }
        let options = AttachContainerOptions { stdin: true, stream: true, ..AttachContainerOptions::default() };
        let attached = self.api.attach_container(self.container.name(), Some(options)).await;
        self.attached = Some(attached.map_err(failed("attaching to the build container"))?);
        self.container.start().await.map_err(failed("starting the build container")).map(drop)
    }

    async fn execute(&mut self, step: Step, output: &mut (dyn FnMut(Printed<'_>) + Send)) -> Result<i64, StoreError> {
        self.start().await?;
        let failed = |source| match source {
            ApiError::DockerResponseServerError { status_code: 404 | 409, .. } => StoreError::BuildContainerEnded,
            source => failed("running a command of the build")(source),
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
        let exec = self.api.create_exec(self.container.name(), config).await.map_err(failed)?.id;
        let started = self.api.start_exec(&exec, None::<StartExecOptions>).await.map_err(failed)?;
        if let StartExecResults::Attached { output: mut printed, .. } = started {
            let mut look = tokio::time::interval(LOOK);
            loop {
                let chunk = tokio::select! {
                    chunk = printed.next() => chunk,
                    _ = look.tick() => {
                        if let Some(limits) = limits {
                            look_at_disk(&self.api, self.container.name(), limits).await?;
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
        let ended = self.api.inspect_exec(&exec).await.map_err(failed)?;
        let status = ended.exit_code.filter(|_| ended.running != Some(true)).ok_or(StoreError::BuildContainerEnded)?;
        if let Some(limits) = limits {
            look_at_disk(&self.api, self.container.name(), limits).await?;
            if status != 0 {
                look_for_lack_of_memory(&self.api, self.container.name(), limits).await?;
            }
        }
        Ok(status)
    }
}

impl BuildContainer for DockerBuildContainer {
    fn put(&mut self, archive: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let options = UploadToContainerOptions { path: "/".into(), ..UploadToContainerOptions::default() };
            let body = bollard::body_full(archive.into());
            let put = self.api.upload_to_container(self.container.name(), Some(options), body).await;
            put.map_err(failed("copying files into the build container"))
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
                container: Some(self.container.name().to_owned()),
                // No process runs in it except the waiting one.
                pause: false,
                ..CommitContainerOptions::default()
            };
            // Fields omitted here would be taken from the container, whose configuration differs from the image's.
            let original = self.original.clone();
            let config = ContainerConfig {
                user: Some(original.user.unwrap_or_default()),
                env: original.env,
                cmd: Some(original.cmd.unwrap_or_default()),
                entrypoint: Some(original.entrypoint.unwrap_or_default()),
                working_dir: original.working_dir,
                volumes: original.volumes,
                exposed_ports: original.exposed_ports,
                // Without this the image would get the container's lease.
                labels: Some(labels.clone().into_iter().chain([(LABEL.to_owned(), String::new())]).collect()),
                ..ContainerConfig::default()
            };
            let made = self.api.commit_container(options, config).await;
            Ok(ImageId(made.map_err(failed("creating an image of the build container"))?.id))
        }
        .boxed()
    }

    fn added_to<'a>(
        &'a mut self,
        other: &'a BuildPlan,
    ) -> BoxFuture<'a, Result<Option<Box<dyn BuildContainer>>, StoreError>> {
        async move {
            let changes = self.api.container_changes(self.container.name()).await;
            let changes = changes.map_err(failed("listing the files of the build"))?.unwrap_or_default();
            let Some(paths) = added(&changes, &self.outside) else { return Ok(None) };
            let joined = Self::open(&self.containers, other).await?;
            for path in paths {
                let from = DownloadFromContainerOptions { path: path.to_owned() };
                let archive = self.api.download_from_container(self.container.name(), Some(from));
                let folder =
                    path.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
                let to = UploadToContainerOptions { path: folder.to_owned(), ..UploadToContainerOptions::default() };
                let body = bollard::body_try_stream(archive.map_err(io::Error::other));
                let copied = joined.api.upload_to_container(joined.container.name(), Some(to), body).await;
                copied.map_err(failed("copying files between build containers"))?;
            }
            Ok(Some(Box::new(joined) as Box<dyn BuildContainer>))
        }
        .boxed()
    }

    fn remove(mut self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        async move { self.container.remove().await.map_err(failed(REMOVING)) }.boxed()
    }
}

/// The container of a build or probe.
fn container(image: &ImageId, labels: &BTreeMap<String, String>, policy: &Policy) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.0.clone()),
        entrypoint: Some(vec!["/bin/sh".into(), "-c".into(), "exec cat >/dev/null".into()]),
        cmd: Some(Vec::new()),
        open_stdin: Some(true),
        stdin_once: Some(true),
        labels: Some(labels.clone().into_iter().collect()),
        ..body(policy)
    }
}

/// The paths that were added, without those in added folders; `None` if anything else was changed or removed.
fn added<'a>(changes: &'a [FilesystemChange], outside: &[String]) -> Option<Vec<&'a str>> {
    let is_in = |path: &str, folder: &str| Path::new(path).starts_with(folder);
    let counts = |path: &str| !outside.iter().any(|folder| is_in(path, folder) || is_in(folder, path));
    let changes: Vec<(&str, ChangeType)> = changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
    let new: HashSet<&str> =
        changes.iter().filter(|(_, kind)| *kind == ChangeType::_1).map(|(path, _)| *path).collect();
    let folders: HashSet<&Path> = changes.iter().filter_map(|(path, _)| Path::new(path).parent()).collect();
    let mut topmost = Vec::new();
    for &(path, kind) in changes.iter().filter(|(path, _)| counts(path)) {
        match kind {
            ChangeType::_1 => {
                let folder = Path::new(path).parent().and_then(Path::to_str).unwrap_or_default();
                topmost.extend((!new.contains(folder)).then_some(path));
            }
            // A folder is changed by what is in it.
            ChangeType::_0 if folders.contains(Path::new(path)) => {}
            ChangeType::_0 | ChangeType::_2 => return None,
        }
    }
    Some(topmost)
}

/// Fails if more was written than the limit.
async fn look_at_disk(api: &bollard::Docker, name: &str, limits: BuildSettings) -> Result<(), StoreError> {
    let sized = InspectContainerOptions { size: true };
    let found = api.inspect_container(name, Some(sized)).await;
    let written = match found {
        Ok(found) => found.size_rw.unwrap_or_default().unsigned_abs(),
        Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => {
            return Err(StoreError::BuildContainerEnded);
        }
        Err(source) => return Err(failed("measuring the disk use of the build")(source)),
    };
    if written <= limits.disk_bytes {
        return Ok(());
    }
    Err(StoreError::Limit { did: "wrote more to disk", most: size(limits.disk_bytes), setting: "disk" })
}

/// Fails if a process was killed because memory ran out.
async fn look_for_lack_of_memory(api: &bollard::Docker, name: &str, limits: BuildSettings) -> Result<(), StoreError> {
    if was_out_of_memory(api, name).await {
        let most = size(limits.memory_bytes);
        return Err(StoreError::Limit { did: "took more memory", most, setting: "memory" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_told_from_what_was_changed() {
        let paths = |changes: &[(&str, ChangeType)]| {
            let change = |(path, kind): &(&str, ChangeType)| FilesystemChange { path: (*path).to_owned(), kind: *kind };
            let changes: Vec<_> = changes.iter().map(change).collect();
            let outside = ["/tmp".to_owned(), "/run/longshore/cache".to_owned()];
            added(&changes, &outside).map(|paths| paths.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let (changed, new, gone) = (ChangeType::_0, ChangeType::_1, ChangeType::_2);
        let some = [
            ("/tmp", changed),
            ("/tmp/x", new),
            ("/run", changed),
            ("/run/longshore", new),
            ("/run/longshore/cache", new),
            ("/opt", changed),
            ("/opt/a", new),
            ("/opt/a-b", new),
            ("/opt/a/c", new),
            ("/opt/a/c/d", new),
        ];
        assert_eq!(paths(&some).unwrap(), ["/opt/a", "/opt/a-b"]);
        assert_eq!(paths(&[]).unwrap(), Vec::<String>::new());
        assert_eq!(paths(&[("/x", new)]).unwrap(), ["/x"]);
        // A file of the image below, or a folder whose mode was changed.
        for other in [("/etc/passwd", changed), ("/opt/b", gone), ("/opt", changed)] {
            let only: Vec<_> = some.into_iter().filter(|(path, _)| *path == "/tmp").chain([other]).collect();
            assert_eq!(paths(&only), None, "{other:?}");
        }
    }
}
