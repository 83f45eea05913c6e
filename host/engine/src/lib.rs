//! Engines: where containers and images come from. An engine makes a shape and an instance of it into a container with our
//! socket in it, which can be waited for and killed, and which removes itself when it ends; beside it are traits for images,
//! builds, volumes and archives. What a container may do is decided here, as data (`policy`), for engines to translate.
//! Nothing here assumes a daemon; the engine `process` needs none.

mod diagnosis;
mod doctor;
mod error;
mod facts;
mod identity;
mod image;
mod installed;
mod interpreters;
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

pub use diagnosis::Diagnosis;
pub use doctor::diagnose;
pub use error::EngineError;
use longshore_model::engine_kind::EngineKind;

use crate::listener::Peers;
pub use facts::EngineFacts;
use futures_util::future::BoxFuture;
pub use identity::{Identity, SCRIPT_USER};
pub use image::{AGENT, RunImage};
pub use installed::NoAnswer;
pub use interpreters::{Interpreters, Started};
use longshore_protocol::User;
pub use owner::EngineOwner;
pub use policy::{
    Held, MOUNTED_AGENT, Namespaces, Placement, Policy, PolicyMount, ProcessLimit, SOCKET_FOLDER, Temporary,
    WORK_FOLDER,
};
pub use refusal::Refusal;
pub use registry::{Connector, Engines};
pub use script_user::ScriptUser;
pub use seccomp::{SeccompProfile, Sockets, in_a_file, profile};
pub use shape::{Instance, Resources, Shape};
pub use sockets::{SocketMemory, limit as limit_sockets, socket_memory};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use store::{
    Archives, BuildContainer, BuildPlan, BuildVolume, Builds, ContainerDefaults, ImageStore, Images, Login, Printed,
    PullFailure, Secret, Step, StoredImage, Volumes,
};
pub use store_error::StoreError;
use tokio::sync::watch;

/// How scripts are run where this engine runs them.
#[derive(Debug, Clone)]
pub struct ScriptEnvironment {
    /// Its interpreters.
    pub interpreters: Interpreters,
    /// The working folder.
    pub folder: String,
    /// Who the script runs as.
    pub user: Option<User>,
}

/// Makes containers.
pub trait Engine: Send + Sync {
    /// What it is.
    fn kind(&self) -> EngineKind;

    /// Where its images are; `None` where it has none.
    fn images(&self) -> Option<Arc<dyn ImageStore>>;

    /// Who the script of a run is, which lasts as long as what this gives; `None` where it is this host's own user.
    /// `writes` says that the run may write to something of this machine.
    fn script_user(&self, image: Option<&RunImage>, writes: bool) -> Option<ScriptUser>;

    /// Who connects to the socket of a run whose script is this user, as this machine sees it.
    fn peers(&self, user: Option<&ScriptUser>) -> Peers;

    /// What it says of itself and of its machine; `None` where it holds nothing.
    fn facts(&self) -> BoxFuture<'_, Option<EngineFacts>>;

    /// What a container of a shape may do, whose script is this user, and which sees `folder` as that of its socket; `None`
    /// where it holds nothing.
    ///
    /// # Errors
    /// [`EngineError`]: something that such a container needs is missing.
    fn policy(&self, shape: &Shape, user: Option<&ScriptUser>, folder: &Path) -> Result<Option<Policy>, EngineError>;

    /// Starts a container.
    fn launch<'a>(
        &'a self,
        shape: &'a Shape,
        instance: Instance<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>>;
}

/// A container that was started. It removes itself when it ends; dropping it kills what still runs.
pub trait Container: Send + Sync {
    /// How scripts are run in it.
    fn script_environment(&self) -> ScriptEnvironment;

    /// What held it; `None` where nothing does.
    fn held(&self) -> Option<Held>;

    /// Waits until it has ended and is gone. Waiting may be given up, and begun again.
    fn wait(&self) -> BoxFuture<'static, Ended>;

    /// Kills everything in it. An engine that does not answer is the caller's to give up on.
    fn kill(&self) -> BoxFuture<'static, Result<(), EngineError>>;
}

/// How the first process of a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit status.
    Exited(i64),
    /// By a signal, this one.
    Killed(i64),
    /// By the engine, since somebody told it to.
    Stopped,
    /// By the kernel, since the container needed more memory than its limit.
    OutOfMemory,
    /// The engine does not say: the container is gone.
    Unknown,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "its agent ended with exit status {status}"),
            Self::Killed(signal) => write!(f, "its agent was ended by signal {signal}"),
            Self::Stopped => f.write_str("the engine was told to end it"),
            Self::OutOfMemory => f.write_str("its agent was ended for want of memory"),
            Self::Unknown => f.write_str("it is gone"),
        }
    }
}

/// Waits until the task that watches a container has seen its end.
pub async fn wait_for(mut ended: watch::Receiver<Option<Ended>>) -> Ended {
    // A task that is gone sees nothing any more: its container is dropped.
    ended.wait_for(Option::is_some).await.ok().and_then(|ended| *ended).unwrap_or(Ended::Unknown)
}

/// The path of something that a launch needs, if it is there.
pub fn existing(path: &Path) -> Option<PathBuf> {
    path.exists().then(|| path.to_owned())
}
