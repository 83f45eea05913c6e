//! Engines with the Engine API, Docker and Podman: containers of runs, images and their registries, build containers,
//! and the leases by which the containers of killed hosts are found.

mod address;
mod archive;
mod build_container;
mod changes;
mod container_body;
mod containers;
mod engine;
mod events;
mod facts;
mod image_build;
mod lease;
mod named_container;
mod names_watch;
mod progress;
mod pull;
mod pull_words;
mod removal;
mod store;

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error as ApiError;
use engine::Docker;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_config::settings::Settings;
use longshore_engine::{Connector, Engine, EngineError, ImageStore, NoAnswer, Refusal, StoreError};
use longshore_model::engine_kind::EngineKind;
use std::path::Path;
use std::sync::Arc;
use store::DockerStore;

/// Timeout of the engine's answers, in seconds.
const TIMEOUT_SECONDS: u64 = 120;

/// Connects to an engine with the Engine API.
#[derive(Debug, Clone, Copy, Default)]
pub struct DockerConnector;

impl Connector for DockerConnector {
    fn kind(&self) -> EngineKind {
        EngineKind::Docker
    }

    fn engine<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn Engine>, EngineError>> {
        async move { Ok(Arc::new(Docker::connect(settings).await?) as Arc<dyn Engine>) }.boxed()
    }

    fn images<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Option<Arc<dyn ImageStore>>, EngineError>> {
        async move { Ok(Some(Arc::new(DockerStore::connect(settings).await?) as Arc<dyn ImageStore>)) }.boxed()
    }
}

/// Connects to an engine, and checks that it answers. Requests name no version of the Engine API, so that each engine
/// uses its own; negotiating one would cost the time in which the engine asks its components for theirs.
async fn connect(socket: &Path) -> Result<bollard::Docker, NoAnswer> {
    let connected =
        match bollard::Docker::connect_with_unix(&socket.to_string_lossy(), TIMEOUT_SECONDS, API_DEFAULT_VERSION) {
            Ok(api) => api.ping().await.map(|_| api),
            Err(error) => Err(error),
        };
    match connected {
        Ok(api) => Ok(api),
        Err(error) => Err(NoAnswer::explain(socket, error.into()).await),
    }
}

/// Converts an engine's error during an action of a store.
fn failed(doing: &'static str) -> impl Fn(ApiError) -> StoreError {
    move |error| StoreError::Engine { doing, source: refusal(error) }
}

/// An error of the API's client, without its type.
fn refusal(error: ApiError) -> Refusal {
    match &error {
        ApiError::DockerResponseServerError { status_code, message } => {
            Refusal::answered(*status_code, message.clone(), error)
        }
        _ => Refusal::new(error),
    }
}
