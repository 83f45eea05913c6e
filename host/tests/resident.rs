//! A host in a process that stays, on a container engine: it stays connected, and sees what others change of the engine and
//! its images.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod home;

use home::Home;
use longshore::{EngineChoice, EngineError, Host, Outcome, Pull, RunRecord};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

fn docker<const N: usize>(arguments: [&str; N]) -> String {
    let done = Command::new("docker").args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn id(image: &str) -> String {
    docker(["image", "inspect", "--format", "{{.Id}}", image])
}

/// A name of an image, which is removed at the end.
struct Name(String);

impl Drop for Name {
    fn drop(&mut self) {
        // It may be removed already.
        let _ = Command::new("docker").args(["rmi", &self.0]).output();
    }
}

async fn run(host: &Host, home: &Home, image: &Name) -> RunRecord {
    let script = home.write("nothing.py", "");
    host.run(home.request(&script).engine(EngineChoice::Docker).image(&image.0)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_uses_the_image_that_has_the_name_now() {
    let home = Home::new();
    let mut settings = home.settings();
    settings.images.pull = Pull::Never;
    let host = Host::new(settings).resident();
    let name = Name(format!("of-a-test-{}:1", std::process::id()));
    for image in ["longshore/python:latest", "longshore/python-pandas2:latest", "longshore/python:latest"] {
        docker(["tag", image, &name.0]);
        for _ in 0..2 {
            let record = run(&host, &home, &name).await;
            assert!(record.outcome.is_success(), "{:?} {:?}", record.outcome, record.message);
            assert_eq!(record.image, Some(id(image)));
        }
    }
    docker(["rmi", &name.0]);
    let record = run(&host, &home, &name).await;
    assert_eq!(record.outcome, Outcome::EnvironmentFailed, "{:?}", record.message);
    host.shutdown().await;
}

/// Passes connections to an engine on, until it is dropped: then all are closed.
fn passing(socket: &Path, engine: &Path) -> JoinSet<()> {
    let (listener, engine) = (UnixListener::bind(socket).unwrap(), engine.to_owned());
    let mut passing = JoinSet::new();
    passing.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = UnixStream::connect(&engine).await.unwrap();
            connections.spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    passing
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_was_restarted_is_connected_anew() {
    let home = Home::new();
    let mut settings = home.settings();
    let engine = std::mem::replace(&mut settings.engine_socket, home.path("engine.sock"));
    let socket = settings.engine_socket.clone();
    let host = Host::new(settings).resident();
    let choose = async || host.engines().choose(EngineChoice::Docker).await.map(|(engine, _)| engine);
    let refused = choose().await.err().unwrap();
    assert!(matches!(refused, EngineError::Unreachable(_)), "{refused}");
    let mut before = None;
    for _ in 0..2 {
        let mut serving = passing(&socket, &engine);
        let first = choose().await.unwrap();
        assert!(Arc::ptr_eq(&first, &choose().await.unwrap()));
        assert!(before.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &first)));
        assert!(first.images().unwrap().find("longshore/python:latest").await.unwrap().is_some());
        before = Some(first);
        serving.shutdown().await;
        std::fs::remove_file(&socket).unwrap();
        let refused = choose().await.err().unwrap();
        assert!(matches!(refused, EngineError::Unreachable(_)), "{refused}");
    }
}
