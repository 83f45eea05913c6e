//! A container and its agent, from the agent's connection to the container's end. What runs in it is decided elsewhere: a
//! run starts its own (`single`), or gets one that waits (`pool`).

mod connect;
mod ending;
pub(crate) mod missing_sdk;

use crate::session::{Acceptor, AgentSession};
pub(crate) use connect::{NoAgent, wait_for_agent};
pub(crate) use ending::{Ending, Gone};
use longshore_engine::run_directory::RunDirectory;
use longshore_engine::{Container, Engine, EngineError, Instance, ScriptUser, Shape};
use longshore_model::cancel::Cancel;
use std::fmt;
use std::time::Duration;

/// How long an engine may continue to make a container that is no longer wanted.
const LAUNCH_DEADLINE: Duration = Duration::from_secs(3);

/// Starts a container. `None` if it was cancelled before the engine had started it.
pub(crate) async fn launch(
    engine: &dyn Engine,
    shape: &Shape,
    instance: Instance<'_>,
    cancel: &Cancel,
) -> Result<Option<Box<dyn Container>>, EngineError> {
    let given_up = async {
        cancel.cancelled().await;
        // A container that is being made is completed and then ended, which leaves nothing behind.
        tokio::time::sleep(LAUNCH_DEADLINE).await;
    };
    tokio::select! {
        launched = engine.launch(shape, instance) => launched.map(Some),
        () = given_up => Ok(None),
    }
}

/// A started container with its agent, or the reason why it has none.
pub(crate) struct Started {
    pub(crate) directory: RunDirectory,
    pub(crate) acceptor: Acceptor,
    pub(crate) container: Box<dyn Container>,
    pub(crate) agent: Result<AgentSession, NoAgent>,
    pub(crate) user: Option<ScriptUser>,
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").field("container", &self.container.name()).finish_non_exhaustive()
    }
}
