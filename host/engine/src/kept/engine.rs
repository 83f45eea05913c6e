//! An engine that stays connected, and the task that reads its changes. Everything but images is passed on.

use super::lookups::Lookups;
use super::store::KeptStore;
use crate::listener::Peers;
use crate::task::Task;
use crate::{
    Container, Engine, EngineChange, EngineError, EngineFacts, ImageStore, Instance, Policy, RunImage, ScriptUser,
    Shape,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use longshore_model::engine_kind::EngineKind;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// An engine that stays connected.
pub(super) struct KeptEngine {
    inner: Arc<dyn Engine>,
    images: Option<Arc<dyn ImageStore>>,
    lookups: Arc<Lookups>,
    /// Reads its changes.
    _reading: Task<()>,
}

/// Ends what is kept once changes are no longer read, whatever ended that: the engine, a panic, the end of the runtime.
struct EndsLookups(Arc<Lookups>);

impl Drop for EndsLookups {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl KeptEngine {
    /// Keeps an engine, if it tells its changes. Call it in a Tokio runtime.
    pub(super) fn new(inner: &Arc<dyn Engine>) -> Option<Self> {
        let changes = inner.changes()?;
        let lookups = Arc::<Lookups>::default();
        let keep = |store| Arc::new(KeptStore { inner: store, lookups: Arc::clone(&lookups) }) as Arc<dyn ImageStore>;
        let images = inner.images().map(keep);
        let reading = Task::spawn(read(changes, EndsLookups(Arc::clone(&lookups))));
        Some(Self { inner: Arc::clone(inner), images, lookups, _reading: reading })
    }

    /// Whether it may still be used without being connected anew.
    pub(super) fn is_valid(&self) -> bool {
        !self.lookups.has_ended() && self.inner.is_in_place()
    }
}

/// Reads an engine's changes to their end.
async fn read(mut changes: BoxStream<'static, EngineChange>, ends: EndsLookups) {
    while let Some(EngineChange::Images) = changes.next().await {
        ends.0.forget();
    }
}

impl fmt::Debug for KeptEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptEngine").field("kind", &self.inner.kind()).finish_non_exhaustive()
    }
}

impl Engine for KeptEngine {
    fn kind(&self) -> EngineKind {
        self.inner.kind()
    }

    fn images(&self) -> Option<Arc<dyn ImageStore>> {
        self.images.clone()
    }

    fn script_user(&self, image: Option<&RunImage>, writes: bool) -> Option<ScriptUser> {
        self.inner.script_user(image, writes)
    }

    fn peers(&self, user: Option<&ScriptUser>) -> Peers {
        self.inner.peers(user)
    }

    fn facts(&self) -> BoxFuture<'_, Option<EngineFacts>> {
        self.inner.facts()
    }

    fn policy<'a>(
        &'a self,
        shape: &'a Shape,
        user: Option<&'a ScriptUser>,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Policy>, EngineError>> {
        self.inner.policy(shape, user, folder)
    }

    fn launch<'a>(
        &'a self,
        shape: &'a Shape,
        instance: Instance<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>> {
        async move {
            let launched = self.inner.launch(shape, instance).await;
            if let Err(EngineError::ImageGone) = &launched {
                // It may not have been told yet, and the run looks for it again.
                self.lookups.forget();
            }
            launched
        }
        .boxed()
    }
}
