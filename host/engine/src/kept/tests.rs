//! Engines that are kept, with a planted one.

mod planted;

use crate::run_directory::RunDirectory;
use crate::{Engine, EngineChange, EngineError, Engines, ImageStore, Instance, NoAnswer, Resources, Shape};
use longshore_config::settings::Settings;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::image_id::ImageId;
use longshore_model::limits::Limits;
use longshore_model::network::Network;
use planted::{Machine, Planted};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A machine with an image, and a host that stays on it.
fn staying() -> (Arc<Machine>, Engines) {
    let machine = Arc::new(Machine::default());
    *machine.image.lock().unwrap() = Some("first");
    let engines = Engines::new(Settings::default()).with(Planted(Arc::clone(&machine))).kept();
    (machine, engines)
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
