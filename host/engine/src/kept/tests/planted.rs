//! A planted engine for tests: it tells its changes when a test wants it, and answers when a test lets it.

use crate::listener::Peers;
use crate::{
    Archives, BuildContainer, BuildPlan, Builds, BuiltImage, Connector, Container, Engine, EngineChange, EngineError,
    EngineFacts, ImageBuildPlan, ImageStore, Images, Instance, Login, NamesEvidence, NoAnswer, Policy, PullFailure,
    RunImage, ScriptUser, Shape, StoreError, StoredImage, Volumes,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{FutureExt, StreamExt};
use longshore_config::settings::Settings;
use longshore_model::engine_kind::EngineKind;
use longshore_model::image_id::ImageId;
use longshore_model::platform::Platform;
use longshore_model::pull_progress::LayerProgress;
use longshore_model::reference::Reference;
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};

/// The machine: an engine that may answer, and what was asked of it.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) is_down: AtomicBool,
    pub(super) is_replaced: AtomicBool,
    pub(super) tells_nothing: AtomicBool,
    connections: AtomicUsize,
    lookups: AtomicUsize,
    /// The image with the only name.
    pub(super) image: Mutex<Option<&'static str>>,
    /// The way to the reader of changes of each connection.
    told: Mutex<Vec<mpsc::Sender<EngineChange>>>,
    /// Answers wait for this, if they are held up.
    pub(super) holds: AtomicBool,
    pub(super) asked: Notify,
    pub(super) released: Notify,
}

#[derive(Debug, Clone)]
pub(super) struct Planted(pub(super) Arc<Machine>);

#[derive(Debug)]
struct PlantedEngine(Planted, Mutex<Option<mpsc::Receiver<EngineChange>>>);

impl Connector for Planted {
    fn kind(&self) -> EngineKind {
        EngineKind::Docker
    }

    fn engine<'a>(&'a self, _settings: &'a Settings) -> BoxFuture<'a, Result<Arc<dyn Engine>, EngineError>> {
        async move {
            if self.0.is_down.load(Ordering::SeqCst) {
                return Err(NoAnswer::NoSocket { socket: "/s".into() }.into());
            }
            self.0.connections.fetch_add(1, Ordering::SeqCst);
            let (sender, changes) = mpsc::channel(8);
            self.0.told.lock().unwrap().push(sender);
            Ok(Arc::new(PlantedEngine(self.clone(), Mutex::new(Some(changes)))) as Arc<dyn Engine>)
        }
        .boxed()
    }

    fn images<'a>(
        &'a self,
        _settings: &'a Settings,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn ImageStore>>, EngineError>> {
        async move { unreachable!("an engine that is kept has its images") }.boxed()
    }
}

impl Engine for PlantedEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Docker
    }

    fn images(&self) -> Option<Arc<dyn ImageStore>> {
        Some(Arc::new(self.0.clone()))
    }

    fn script_user(&self, _image: Option<&RunImage>, _writes: bool) -> Option<ScriptUser> {
        None
    }

    fn peers(&self, _user: Option<&ScriptUser>) -> Peers {
        Peers::Own
    }

    fn facts(&self) -> BoxFuture<'_, Option<EngineFacts>> {
        async { None }.boxed()
    }

    fn policy<'a>(
        &'a self,
        _shape: &'a Shape,
        _user: Option<&'a ScriptUser>,
        _folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Policy>, EngineError>> {
        async { Ok(None) }.boxed()
    }

    fn launch<'a>(
        &'a self,
        _shape: &'a Shape,
        _instance: Instance<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Container>, EngineError>> {
        async { Err(EngineError::ImageGone) }.boxed()
    }

    fn changes(&self) -> Option<BoxStream<'static, EngineChange>> {
        let changes = self.1.lock().unwrap().take()?;
        let next = |mut changes: mpsc::Receiver<EngineChange>| async { Some((changes.recv().await?, changes)) };
        (!self.0.0.tells_nothing.load(Ordering::SeqCst)).then(|| unfold(changes, next).boxed())
    }

    fn is_in_place(&self) -> bool {
        !self.0.0.is_replaced.load(Ordering::SeqCst)
    }
}

impl Images for Planted {
    fn find<'a>(&'a self, _reference: &'a str) -> BoxFuture<'a, Result<Option<StoredImage>, StoreError>> {
        async move {
            self.0.lookups.fetch_add(1, Ordering::SeqCst);
            let found = *self.0.image.lock().unwrap();
            self.0.asked.notify_one();
            if self.0.holds.load(Ordering::SeqCst) {
                self.0.released.notified().await;
            }
            Ok(found.map(|id| StoredImage { id: ImageId(id.into()), ..StoredImage::default() }))
        }
        .boxed()
    }

    fn pull<'a>(
        &'a self,
        _reference: &'a Reference,
        _login: Option<&'a Login>,
        _progress: &'a mut (dyn FnMut(LayerProgress) + Send),
    ) -> BoxFuture<'a, Result<(), PullFailure>> {
        async { Ok(()) }.boxed()
    }

    fn list<'a>(&'a self, _label: Option<&'a str>) -> BoxFuture<'a, Result<Vec<StoredImage>, StoreError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn in_use(&self) -> BoxFuture<'_, Result<HashSet<ImageId>, StoreError>> {
        async { Ok(HashSet::new()) }.boxed()
    }

    fn let_go<'a>(&'a self, _: &'a ImageId) -> BoxFuture<'a, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    fn users<'a>(&'a self, _image: &'a ImageId) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn own_size<'a>(&'a self, _image: &'a ImageId) -> BoxFuture<'a, Result<u64, StoreError>> {
        async { Ok(0) }.boxed()
    }

    fn tag<'a>(&'a self, image: &'a ImageId, _name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let id = if image.0 == "first" { "first" } else { "second" };
        *self.0.image.lock().unwrap() = Some(id);
        async { Ok(()) }.boxed()
    }

    fn remove<'a>(&'a self, _reference: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        *self.0.image.lock().unwrap() = None;
        async { Ok(()) }.boxed()
    }
}

impl Builds for Planted {
    fn build_container<'a>(
        &'a self,
        _plan: &'a BuildPlan,
    ) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>> {
        async { unreachable!("nothing is built") }.boxed()
    }

    fn build_image<'a>(
        &'a self,
        _plan: ImageBuildPlan,
        _output: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<BuiltImage, StoreError>> {
        async { unreachable!("nothing is built") }.boxed()
    }

    fn probe_container<'a>(
        &'a self,
        _image: &'a ImageId,
    ) -> BoxFuture<'a, Result<Box<dyn BuildContainer>, StoreError>> {
        async { unreachable!("nothing is built") }.boxed()
    }
}

impl Volumes for Planted {
    fn volumes<'a>(&'a self, _prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn remove_volume<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        async { Ok(false) }.boxed()
    }
}

impl Archives for Planted {
    fn export<'a>(&'a self, _reference: &'a str) -> BoxStream<'a, Result<Bytes, StoreError>> {
        futures_util::stream::empty().boxed()
    }

    fn import<'a>(&'a self, _archive: BoxStream<'static, io::Result<Bytes>>) -> BoxFuture<'a, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    fn platform(&self) -> BoxFuture<'_, Result<Platform, StoreError>> {
        async { unreachable!("nothing is exported") }.boxed()
    }
}

impl ImageStore for Planted {
    fn reap(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn names_evidence(&self) -> Option<NamesEvidence> {
        Some(NamesEvidence::Told)
    }
}

impl Machine {
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    /// Tells the newest reader of changes. It has read all that was told before once there is room for as many again.
    pub(super) async fn tell(&self, change: EngineChange) {
        let sender = self.told.lock().unwrap().last().unwrap().clone();
        sender.send(change).await.unwrap();
        while sender.capacity() < sender.max_capacity() && !sender.is_closed() {
            tokio::task::yield_now().await;
        }
        // The reader acts before it waits again.
        tokio::task::yield_now().await;
    }

    /// Ends the connections of all readers.
    pub(super) async fn hang_up(&self) {
        self.told.lock().unwrap().clear();
        tokio::task::yield_now().await;
    }
}
