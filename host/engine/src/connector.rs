//! What connects to an engine of one kind, and the one of the engine `process`.

use super::process::Process;
use super::{Engine, EngineError, ImageStore};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_config::settings::Settings;
use longshore_model::engine_kind::EngineKind;
use std::fmt;
use std::sync::Arc;

/// Connects to an engine of one kind.
pub trait Connector: fmt::Debug + Send + Sync {
    /// The kind of its engine, which decides whether scripts are isolated.
    fn kind(&self) -> EngineKind;

    /// Connects, and checks that it answers.
    fn engine<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn Engine>, EngineError>>;

    /// Connects to its images only, and checks that it answers. `None` if its scripts run outside of images.
    fn images<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Option<Arc<dyn ImageStore>>, EngineError>>;
}

/// Runs scripts as processes of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessConnector;

impl Connector for ProcessConnector {
    fn kind(&self) -> EngineKind {
        EngineKind::Process
    }

    fn engine<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn Engine>, EngineError>> {
        async move { Ok(Arc::new(Process::new(settings)?) as Arc<dyn Engine>) }.boxed()
    }

    fn images<'a>(
        &'a self,
        _settings: &'a Settings,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn ImageStore>>, EngineError>> {
        std::future::ready(Ok(None)).boxed()
    }
}
