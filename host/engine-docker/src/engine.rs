//! Containers of runs over the Engine API of Docker and Podman, which are started, awaited and killed. `container_body`
//! translates their policy.

use super::address::Address;
use super::changes::changes;
use super::container_body::body;
use super::events::{SIGKILL, who_killed};
use super::facts::Asked;
use super::named_container::NamedContainer;
use super::store::{DockerStore, RUN};
use super::{connect, refusal};
use bollard::errors::Error as ApiError;
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{KillContainerOptions, WaitContainerOptions};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use longshore_config::settings::Settings;
use longshore_engine::listener::Peers;
use longshore_engine::{
    AGENT, Container, Ended, Engine, EngineChange, EngineError, EngineFacts, EngineOwner, Held, ImageStore, Instance,
    Interpreters, MOUNTED_AGENT, NetworkMaker, Placement, Policy, RunImage, SCRIPT_USER, SOCKET_FOLDER,
    ScriptEnvironment, ScriptUser, Shape, WORK_FOLDER, existing, wait_for,
};
use longshore_model::engine_kind::EngineKind;
use longshore_protocol::User;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Delay before an engine that closed the connection is asked again.
const WAIT_AGAIN: Duration = Duration::from_millis(200);

/// The container runtime that brings up the loopback of a network namespace that it makes. Others may leave it down.
const RUNTIME_WITH_LOOPBACK: &str = "runc";

/// An engine with the Engine API.
#[derive(Debug)]
pub(crate) struct Docker {
    api: bollard::Docker,
    images: DockerStore,
    /// This machine's agent, for images without one. It may be missing.
    agent: PathBuf,
    owner: EngineOwner,
    script_users: RangeInclusive<u32>,
    facts: Asked,
    address: Address,
    connected: SystemTime,
}

impl Docker {
    /// Connects, and checks that it answers.
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, EngineError> {
        let socket = &settings.engine_socket;
        // Before it is connected: what changes meanwhile is noticed.
        let (address, connected) = (Address::of(socket), SystemTime::now());
        let api = connect(socket).await?;
        // An engine in a user namespace belongs to the owner of its socket.
        let file = socket.clone();
        let looking = tokio::task::spawn_blocking(move || EngineOwner::of(&file)).await;
        let owner = looking.unwrap_or(EngineOwner { uid: 0, raises_resources: false });
        let facts = Asked::begin(api.clone());
        let images = DockerStore::new(api.clone(), settings, Some(facts.clone()));
        let (agent, script_users) = (settings.agent.clone(), settings.script_users.clone());
        Ok(Self { api, images, agent, owner, script_users, facts, address, connected })
    }

    async fn start(&self, shape: &Shape, instance: Instance<'_>) -> Result<Box<dyn Container>, EngineError> {
        let has_agent = shape.image.as_ref().is_none_or(|image| image.has_agent);
        let policy = self.policy_of(shape, instance.user, instance.directory.folder()).await?;
        if policy.namespaces.network_maker == NetworkMaker::Runtime {
            instance.directory.write_hosts()?;
        }
        // The engine receives a path, which must still lead to the file that was checked.
        if let Some(gone) = shape.mounts.iter().find(|file| !file.is_in_place()) {
            return Err(EngineError::Replaced { path: gone.path.clone() });
        }
        let container = self.images.container(instance.name).await;
        let created = container.create(self::container(shape, &instance, &policy, has_agent)).await;
        let container = created.map_err(|error| match error {
            ApiError::DockerResponseServerError { status_code: 404, message } if message.contains("image") => {
                EngineError::ImageGone
            }
            source => EngineError::Engine { doing: "creating the container", source: refusal(source) },
        })?;
        let (seen, ended) = watch::channel(None);
        // Waited for before the start: the container removes itself when it ends, and its exit code with it.
        let waiting = tokio::spawn(wait_until_gone(self.api.clone(), container.name().to_owned(), seen)).abort_handle();
        let script_environment = script_environment(shape.image.as_ref(), &policy);
        let mut container =
            DockerContainer { api: self.api.clone(), container, script_environment, held: None, ended, waiting };
        match container.container.start().await {
            // The agent starts during this.
            Ok(counted) => container.held = Some(Held::new(&policy, self.facts.get().await, counted)),
            Err(source) => {
                // The container may have removed itself already.
                let _ = container.container.remove().await;
                return Err(match &shape.image {
                    Some(image) if has_agent && source.to_string().contains(&format!("stat {AGENT}: no such file")) => {
                        EngineError::AgentNotInImage { image: image.name.clone(), path: AGENT }
                    }
                    _ => EngineError::Engine { doing: "starting the container", source: refusal(source) },
                });
            }
        }
        Ok(Box::new(container))
    }

    async fn policy_of(&self, shape: &Shape, user: Option<&ScriptUser>, folder: &Path) -> Result<Policy, EngineError> {
        let agent = self.agent_to_mount(shape.image.as_ref())?;
        let loopback_maker = match self.facts.get().await.runtime {
            Some(runtime) if runtime == RUNTIME_WITH_LOOPBACK => NetworkMaker::Runtime,
            _ => NetworkMaker::Engine,
        };
        Ok(Policy::run(shape, Placement { user, folder, agent: agent.as_deref(), loopback_maker }))
    }

    /// This machine's agent, if the image has none.
    fn agent_to_mount(&self, image: Option<&RunImage>) -> Result<Option<PathBuf>, EngineError> {
        let Some(image) = image.filter(|image| !image.has_agent) else {
            return Ok(None);
        };
        // Links are resolved here, since the engine may see another file system than this program.
        let found = existing(&self.agent).and_then(|agent| agent.canonicalize().ok()).filter(|agent| agent.is_file());
        let missing = || EngineError::NoAgentForImage { image: image.name.clone(), path: self.agent.clone() };
        found.map(Some).ok_or_else(missing)
    }
}

impl Engine for Docker {
    fn kind(&self) -> EngineKind {
        EngineKind::Docker
    }

    fn images(&self) -> Option<Arc<dyn ImageStore>> {
        Some(Arc::new(self.images.clone()))
    }

    fn script_user(&self, image: Option<&RunImage>, writes: bool) -> Option<ScriptUser> {
        Some(ScriptUser::take(&self.script_users, image, writes, self.owner.raises_resources))
    }

    fn peers(&self, user: Option<&ScriptUser>) -> Peers {
        let script = user.map_or(SCRIPT_USER, |user| user.user);
        Peers::Contained { engine: self.owner.uid, script: script.uid }
    }

    fn facts(&self) -> BoxFuture<'_, Option<EngineFacts>> {
        self.facts.get().map(Some).boxed()
    }

    fn policy<'a>(
        &'a self,
        shape: &'a Shape,
        user: Option<&'a ScriptUser>,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Policy>, EngineError>> {
        self.policy_of(shape, user, folder).map(|policy| policy.map(Some)).boxed()
    }

    fn launch<'a>(
        &'a self,
        shape: &'a Shape,
        instance: Instance<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>> {
        self.start(shape, instance).boxed()
    }

    fn changes(&self) -> Option<BoxStream<'static, EngineChange>> {
        Some(changes(self.api.clone(), self.connected))
    }

    fn is_in_place(&self) -> bool {
        // Facts that are missing are asked for, and a lease that is missing is taken, with the next connection.
        self.address.is_in_place() && !self.facts.has_failed() && self.images.is_leased()
    }
}

/// How scripts run in a container of an image.
fn script_environment(image: Option<&RunImage>, policy: &Policy) -> ScriptEnvironment {
    ScriptEnvironment {
        interpreters: image.map(Interpreters::of_image).unwrap_or_default(),
        folder: WORK_FOLDER.into(),
        user: Some(User { uid: policy.script.uid, gid: policy.script.gid }),
    }
}

/// The container of a run.
fn container(shape: &Shape, instance: &Instance<'_>, policy: &Policy, has_agent: bool) -> ContainerCreateBody {
    let rights = body(policy);
    let labels = [(RUN, instance.name), ("longshore.owner", "longshore")];
    ContainerCreateBody {
        image: shape.image.as_ref().map(|image| image.id.0.clone()),
        entrypoint: Some(vec![if has_agent { AGENT } else { MOUNTED_AGENT }.into()]),
        cmd: Some(vec![]),
        // An image may set another value, which the agent would use.
        env: Some(vec![format!("LONGSHORE_SOCKET={SOCKET_FOLDER}/host.sock")]),
        working_dir: Some("/".into()),
        // The image's own health check is for a service that does not run here.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
        labels: Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()),
        host_config: rights.host_config.map(|rights| HostConfig {
            // The agent forwards the script's output; the engine would write it to disk a second time.
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            ..rights
        }),
        ..rights
    }
}

/// A container of this engine.
struct DockerContainer {
    api: bollard::Docker,
    container: NamedContainer,
    script_environment: ScriptEnvironment,
    /// Its isolation, once it has started.
    held: Option<Held>,
    /// The end, as seen by the task that waits for it.
    ended: watch::Receiver<Option<Ended>>,
    waiting: AbortHandle,
}

/// Waits until a container is removed, even if the engine fails to answer in between.
async fn wait_until_gone(api: bollard::Docker, name: String, seen: watch::Sender<Option<Ended>>) {
    let ended = loop {
        let wait = WaitContainerOptions { condition: "removed".into() };
        match api.wait_container(&name, Some(wait)).next().await {
            Some(Ok(response)) => break ended(response.status_code),
            // bollard converts every exit status but 0 to an error.
            Some(Err(ApiError::DockerContainerWaitError { code, .. })) => break ended(code),
            Some(Err(ApiError::DockerResponseServerError { status_code: 404, .. })) => break Ended::Unknown,
            // A restart of the engine does not end a container.
            Some(Err(_)) | None => tokio::time::sleep(WAIT_AGAIN).await,
        }
    };
    let ended = if ended == Ended::Killed(SIGKILL) { who_killed(&api, &name).await } else { ended };
    seen.send_replace(Some(ended));
}

/// Converts the engine's exit status: a signal is above 128.
fn ended(status: i64) -> Ended {
    match status {
        129..=192 => Ended::Killed(status - 128),
        status => Ended::Exited(status),
    }
}

impl Container for DockerContainer {
    fn script_environment(&self) -> ScriptEnvironment {
        self.script_environment.clone()
    }

    fn name(&self) -> Option<&str> {
        Some(self.container.name())
    }

    fn held(&self) -> Option<Held> {
        self.held.clone()
    }

    fn wait(&self) -> BoxFuture<'static, Ended> {
        wait_for(self.ended.clone()).boxed()
    }

    fn kill(&self) -> BoxFuture<'static, Result<(), EngineError>> {
        let (api, name) = (self.api.clone(), self.container.name().to_owned());
        async move {
            match api.kill_container(&name, None::<KillContainerOptions>).await {
                // The container has ended already, or is about to.
                Ok(()) | Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
                Err(source) => Err(EngineError::Engine { doing: "killing the container", source: refusal(source) }),
            }
        }
        .boxed()
    }
}

impl Drop for DockerContainer {
    fn drop(&mut self) {
        self.waiting.abort();
        if self.ended.borrow().is_some() {
            self.container.is_gone();
        }
    }
}
