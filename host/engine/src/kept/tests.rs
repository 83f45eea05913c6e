//! Engines that are kept, with a planted one that tells its changes when a test wants it, and answers when a test lets it.

use crate::listener::Peers;
use crate::run_directory::RunDirectory;
use crate::{
    Archives, BuildContainer, BuildPlan, Builds, BuiltImage, Connector, Container, Engine, EngineChange, EngineError,
    EngineFacts, Engines, ImageBuildPlan, ImageStore, Images, Instance, Login, NamesEvidence, NoAnswer, Policy,
    PullFailure, Resources, RunImage, ScriptUser, Shape, StoreError, StoredImage, Volumes,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{FutureExt, StreamExt};
use longshore_config::settings::Settings;
use longshore_model::engine_kind::{EngineChoice, EngineKind};
use longshore_model::image_id::ImageId;
use longshore_model::limits::Limits;
use longshore_model::network::Network;
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
struct Machine {
    is_down: AtomicBool,
    is_replaced: AtomicBool,
    tells_nothing: AtomicBool,
    connections: AtomicUsize,
    lookups: AtomicUsize,
    /// The image with the only name.
    image: Mutex<Option<&'static str>>,
    /// The way to the reader of changes of each connection.
    told: Mutex<Vec<mpsc::Sender<EngineChange>>>,
    /// Answers wait for this, if they are held up.
    holds: AtomicBool,
    asked: Notify,
    released: Notify,
}

#[derive(Debug, Clone)]
struct Planted(Arc<Machine>);

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

/// A machine with an image, and a host that stays on it.
fn staying() -> (Arc<Machine>, Engines) {
    let machine = Arc::new(Machine::default());
    *machine.image.lock().unwrap() = Some("first");
    let engines = Engines::new(Settings::default()).with(Planted(Arc::clone(&machine))).kept();
    (machine, engines)
}

impl Machine {
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    /// Tells the newest reader of changes. It has read all that was told before once there is room for as many again.
    async fn tell(&self, change: EngineChange) {
        let sender = self.told.lock().unwrap().last().unwrap().clone();
        sender.send(change).await.unwrap();
        while sender.capacity() < sender.max_capacity() && !sender.is_closed() {
            tokio::task::yield_now().await;
        }
        // The reader acts before it waits again.
        tokio::task::yield_now().await;
    }

    /// Ends the connections of all readers.
    async fn hang_up(&self) {
        self.told.lock().unwrap().clear();
        tokio::task::yield_now().await;
    }
}

async fn store(engines: &Engines) -> Arc<dyn ImageStore> {
    engines.images().await.unwrap()
}

async fn found(engines: &Engines) -> Option<String> {
    store(engines).await.find("name").await.unwrap().map(|image| image.id.0)
}

async fn choose(engines: &Engines) -> Result<Arc<dyn Engine>, EngineError> {
    engines.choose(EngineChoice::Docker).await.map(|(engine, _)| engine)
}

#[tokio::test]
async fn an_engine_is_connected_once_and_asked_for_an_image_once() {
    let (machine, engines) = staying();
    let others = engines.clone();
    for _ in 0..3 {
        let (one, other) = (choose(&engines).await.unwrap(), choose(&others).await.unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        let both = (found(&engines).await.unwrap(), found(&others).await.unwrap());
        assert_eq!(both, ("first".into(), "first".into()));
    }
    assert_eq!((machine.connections(), machine.lookups()), (1, 1));
}

#[tokio::test]
async fn a_host_that_ends_with_its_command_keeps_nothing() {
    let machine = Arc::new(Machine::default());
    let engines = Engines::new(Settings::default()).with(Planted(Arc::clone(&machine)));
    for _ in 0..2 {
        let engine = choose(&engines).await.unwrap();
        assert!(engine.images().unwrap().find("name").await.unwrap().is_none());
    }
    assert_eq!((machine.connections(), machine.lookups()), (2, 2));
}

#[tokio::test]
async fn an_engine_that_goes_away_is_connected_anew_with_its_errors() {
    let (machine, engines) = staying();
    let before = choose(&engines).await.unwrap();
    let images = before.images().unwrap();
    machine.is_down.store(true, Ordering::SeqCst);
    machine.hang_up().await;
    let refused = choose(&engines).await.err().unwrap();
    assert!(matches!(refused, EngineError::Unreachable(NoAnswer::NoSocket { .. })), "{refused}");
    assert!(matches!(engines.images().await, Err(EngineError::Unreachable(_))));
    machine.is_down.store(false, Ordering::SeqCst);
    assert!(!Arc::ptr_eq(&before, &choose(&engines).await.unwrap()));
    assert_eq!(machine.connections(), 2);
    // A run that still has the one of before gets no answers that nothing watches.
    for _ in 0..2 {
        images.find("name").await.unwrap().unwrap();
    }
    assert_eq!(machine.lookups(), 2);
}

#[tokio::test]
async fn an_engine_whose_address_leads_elsewhere_or_whose_configuration_changes_is_connected_anew() {
    let (machine, engines) = staying();
    choose(&engines).await.unwrap();
    machine.is_replaced.store(true, Ordering::SeqCst);
    choose(&engines).await.unwrap();
    assert_eq!(machine.connections(), 2);
    machine.is_replaced.store(false, Ordering::SeqCst);
    choose(&engines).await.unwrap();
    assert_eq!(machine.connections(), 2);
    machine.tell(EngineChange::Configuration).await;
    choose(&engines).await.unwrap();
    assert_eq!(machine.connections(), 3);
}

#[tokio::test]
async fn an_engine_that_tells_no_changes_is_not_kept() {
    let (machine, engines) = staying();
    machine.tells_nothing.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        found(&engines).await.unwrap();
    }
    assert_eq!((machine.connections(), machine.lookups()), (2, 2));
}

#[tokio::test]
async fn an_image_that_others_change_is_looked_up_again() {
    let (machine, engines) = staying();
    found(&engines).await.unwrap();
    *machine.image.lock().unwrap() = Some("second");
    machine.tell(EngineChange::Images).await;
    assert_eq!(found(&engines).await.unwrap(), "second");
    *machine.image.lock().unwrap() = None;
    machine.tell(EngineChange::Images).await;
    assert_eq!(found(&engines).await, None);
    // Others make one, and nothing was told yet.
    *machine.image.lock().unwrap() = Some("first");
    assert_eq!(found(&engines).await.unwrap(), "first");
    assert_eq!(machine.connections(), 1);
}

#[tokio::test]
async fn a_change_between_a_request_and_its_answer_is_not_missed() {
    let (machine, engines) = staying();
    machine.holds.store(true, Ordering::SeqCst);
    let asking = tokio::spawn({
        let store = store(&engines).await;
        async move { store.find("name").await.unwrap().unwrap().id.0 }
    });
    machine.asked.notified().await;
    *machine.image.lock().unwrap() = Some("second");
    machine.tell(EngineChange::Images).await;
    machine.holds.store(false, Ordering::SeqCst);
    machine.released.notify_one();
    assert_eq!(asking.await.unwrap(), "first");
    assert_eq!(found(&engines).await.unwrap(), "second");
}

#[tokio::test]
async fn what_this_host_changes_is_seen_without_being_told() {
    let (_machine, engines) = staying();
    assert_eq!(found(&engines).await.unwrap(), "first");
    store(&engines).await.tag(&ImageId("other".into()), "name").await.unwrap();
    assert_eq!(found(&engines).await.unwrap(), "second");
    store(&engines).await.remove("name").await.unwrap();
    assert_eq!(found(&engines).await, None);
}

#[tokio::test]
async fn an_image_that_is_gone_at_a_launch_is_looked_up_again() {
    let (machine, engines) = staying();
    found(&engines).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(folder.path(), "run").await.unwrap();
    let limits = Limits::default();
    let shape = Shape {
        image: None,
        resources: Resources::from(&limits),
        network: Network::None,
        mounts: Vec::new(),
        python: None,
        r_libraries: Vec::new(),
    };
    let instance = Instance { name: "run", directory: &directory, user: None };
    let launched = choose(&engines).await.unwrap().launch(&shape, instance).await;
    assert!(matches!(launched, Err(EngineError::ImageGone)));
    found(&engines).await.unwrap();
    assert_eq!(machine.lookups(), 2);
}

#[test]
fn an_engine_is_not_kept_beyond_the_runtime_that_reads_its_changes() {
    let (machine, engines) = staying();
    for connections in 1..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(choose(&engines)).unwrap();
        assert_eq!(machine.connections(), connections);
    }
}
