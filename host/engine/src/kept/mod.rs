//! Engines that stay connected in a process that stays, with their facts and their answers about images. What is kept of
//! an engine is valid while its changes are read: once that ends, for whatever reason, or its address leads elsewhere, the
//! engine is connected anew. `engine` and `store` pass everything else on; `lookups` decides which answers are kept.

mod engine;
mod lookups;
mod store;
#[cfg(test)]
mod tests;

use crate::{Connector, Engine, EngineError, ImageStore};
use engine::KeptEngine;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use longshore_config::settings::Settings;
use longshore_model::engine_kind::EngineKind;
use std::sync::{Arc, Mutex, PoisonError};

/// Connects to an engine once, and again when what is kept of it is no longer valid.
#[derive(Debug)]
pub(crate) struct KeptConnector {
    inner: Arc<dyn Connector>,
    kept: Mutex<Option<Arc<KeptEngine>>>,
}

impl KeptConnector {
    pub(crate) fn new(inner: Arc<dyn Connector>) -> Self {
        Self { inner, kept: Mutex::default() }
    }

    /// The engine that is kept, while it is valid.
    fn kept(&self) -> Option<Arc<KeptEngine>> {
        // Looked at outside of the lock.
        let kept = self.slot().clone();
        kept.filter(|engine| engine.is_valid())
    }

    /// Keeps an engine, unless another caller connected at the same time.
    fn keep(&self, connected: &Arc<KeptEngine>) -> Arc<KeptEngine> {
        let before = self.kept();
        let mut kept = self.slot();
        match before {
            Some(before) => before,
            None => Arc::clone(kept.insert(Arc::clone(connected))),
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<KeptEngine>>> {
        // No code that holds this lock can panic half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for KeptConnector {
    fn kind(&self) -> EngineKind {
        self.inner.kind()
    }

    fn engine<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn Engine>, EngineError>> {
        async move {
            if let Some(kept) = self.kept() {
                return Ok(kept as Arc<dyn Engine>);
            }
            let connected = self.inner.engine(settings).await.inspect_err(|_| drop(self.slot().take()))?;
            Ok(match KeptEngine::new(&connected) {
                Some(kept) => self.keep(&Arc::new(kept)),
                None => connected,
            })
        }
        .boxed()
    }

    fn images<'a>(&'a self, settings: &'a Settings) -> BoxFuture<'a, Result<Option<Arc<dyn ImageStore>>, EngineError>> {
        async move { Ok(self.engine(settings).await?.images()) }.boxed()
    }
}
