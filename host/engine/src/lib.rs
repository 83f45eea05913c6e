//! Engines: they provide containers and images. An engine creates a container with the run's socket in it from a shape
//! and an instance; the container can be awaited and killed, and removes itself when it ends. Other traits cover
//! images, builds, volumes and archives. A container's rights are defined here, as data (`policy`), which engines
//! translate. No code here assumes a daemon; the engine `process` needs none.

mod build_policy;
mod change;
mod connector;
mod diagnosis;
mod doctor;
mod error;
mod facts;
mod identity;
mod image;
mod installed;
mod interpreters;
mod kept;
pub mod listener;
mod owner;
mod policy;
mod process;
pub mod program;
mod refusal;
mod registry;
pub mod run_directory;
mod script_user;
mod seccomp;
mod shape;
mod sockets;
mod store;
mod store_error;
mod survivors;
pub mod task;
mod weakness;

pub use change::EngineChange;
pub use connector::{Connector, ProcessConnector};
pub use diagnosis::{Diagnosis, Fix};
pub use doctor::diagnose;
pub use error::{EngineError, Tried};
use longshore_model::engine_kind::EngineKind;

use crate::listener::Peers;
pub use facts::EngineFacts;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
pub use identity::{Identity, SCRIPT_USER};
pub use image::{AGENT, RunImage};
pub use installed::NoAnswer;
pub use interpreters::{Interpreters, Started};
use longshore_protocol::User;
pub use owner::EngineOwner;
pub use policy::{
    Held, MOUNTED_AGENT, Namespaces, NetworkMaker, Placement, Policy, PolicyMount, ProcessLimit, SOCKET_FOLDER,
    Temporary, WORK_FOLDER,
};
pub use refusal::Refusal;
pub use registry::Engines;
pub use script_user::ScriptUser;
pub use seccomp::{SeccompProfile, Sockets, in_a_file, profile};
pub use shape::{Instance, Resources, Shape};
pub use sockets::{SocketMemory, limit as limit_sockets, socket_memory};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use store::{
    Archives, BuildContainer, BuildPlan, BuildVolume, Builds, BuiltImage, ContainerDefaults, ImageBuildPlan,
    ImageStore, Images, Login, NamesEvidence, Printed, PullFailure, Secret, Step, StoredImage, Volumes,
};
pub use store_error::StoreError;
use tokio::sync::watch;

/// How this engine runs scripts.
#[derive(Debug, Clone)]
pub struct ScriptEnvironment {
    /// Its interpreters.
    pub interpreters: Interpreters,
    /// The working folder.
    pub folder: String,
    /// The script's user.
    pub user: Option<User>,
}

/// Creates containers.
pub trait Engine: Send + Sync {
    /// Its kind.
    fn kind(&self) -> EngineKind;

    /// Its image store; `None` if it has none.
    fn images(&self) -> Option<Arc<dyn ImageStore>>;

    /// The user of a run's script, reserved until the returned value is dropped; `None` for the host's own user.
    /// `writes` tells that the run may write to a file of this machine.
    fn script_user(&self, image: Option<&RunImage>, writes: bool) -> Option<ScriptUser>;

    /// The peers that may connect to the socket of a run whose script has this user, as this machine sees them.
    fn peers(&self, user: Option<&ScriptUser>) -> Peers;

    /// The engine's facts about itself and its machine; `None` if it does not isolate.
    fn facts(&self) -> BoxFuture<'_, Option<EngineFacts>>;

    /// The rights of a container of a shape, whose script has this user and whose socket is in `folder`; `None` if the
    /// engine does not isolate.
    ///
    /// # Errors
    /// [`EngineError`]: a file that such a container needs is missing.
    fn policy<'a>(
        &'a self,
        shape: &'a Shape,
        user: Option<&'a ScriptUser>,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Policy>, EngineError>>;

    /// Starts a container.
    fn launch<'a>(
        &'a self,
        shape: &'a Shape,
        instance: Instance<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>>;

    /// Its changes since it was connected, to the end of its connection; `None` if it must be connected for each use.
    fn changes(&self) -> Option<BoxStream<'static, EngineChange>> {
        None
    }

    /// Whether its address still leads to it, as far as can be seen without asking it.
    fn is_in_place(&self) -> bool {
        true
    }
}

/// A container that was started. It removes itself when it ends; dropping it kills its remaining processes.
pub trait Container: Send + Sync {
    /// How scripts run in it.
    fn script_environment(&self) -> ScriptEnvironment;

    /// Its name at the engine; `None` without a container.
    fn name(&self) -> Option<&str>;

    /// The container's isolation; `None` if it has none.
    fn held(&self) -> Option<Held>;

    /// Waits until it has ended and was removed. Cancel safe; may be called again.
    fn wait(&self) -> BoxFuture<'static, Ended>;

    /// Kills all its processes. If the engine does not answer, the caller decides when to give up.
    fn kill(&self) -> BoxFuture<'static, Result<(), EngineError>>;
}

/// How the first process of a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit status.
    Exited(i64),
    /// By a signal, this one.
    Killed(i64),
    /// By the engine, on request.
    Stopped,
    /// By the kernel, since the container needed more memory than its limit.
    OutOfMemory,
    /// The container no longer exists, and the engine reports no reason.
    Unknown,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "its agent ended with exit status {status}"),
            Self::Killed(signal) => write!(f, "its agent was killed by signal {signal}"),
            Self::Stopped => f.write_str("the engine was asked to stop it"),
            Self::OutOfMemory => f.write_str("its agent was killed because memory ran out"),
            Self::Unknown => f.write_str("the engine gives no reason"),
        }
    }
}

/// Waits until the task that watches a container has seen its end.
pub async fn wait_for(mut ended: watch::Receiver<Option<Ended>>) -> Ended {
    // A task that has ended reports nothing more: its container is dropped.
    ended.wait_for(Option::is_some).await.ok().and_then(|ended| *ended).unwrap_or(Ended::Unknown)
}

/// The path of a file that a launch needs, if it exists.
pub fn existing(path: &Path) -> Option<PathBuf> {
    path.exists().then(|| path.to_owned())
}
