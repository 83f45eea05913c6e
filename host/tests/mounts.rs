//! What a run's container sees of the machine is what was checked, or nothing.

#![allow(clippy::unwrap_used, reason = "a test may")]

use longshore::{Cancel, EngineChoice, Mount, Outcome, RunRecord, RunSpec, Settings};
use std::path::Path;

/// Prepares a run that mounts a folder, does something to the machine, and runs it.
async fn run(folder: &Path, meanwhile: impl FnOnce()) -> RunRecord {
    let script = folder.join("script.py");
    std::fs::write(&script, format!("print(open({:?}).read())", folder.join("data/told"))).unwrap();
    let mut spec = RunSpec::new(script.to_str().unwrap());
    spec.engine = EngineChoice::Docker;
    spec.recorded = false;
    spec.mounts.push(Mount { path: folder.join("data"), writable: false });
    let prepared = spec.prepare().unwrap();
    meanwhile();
    let socket = std::env::var("DOCKER_HOST").unwrap_or_default();
    let settings = Settings {
        engine_socket: socket.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").into(),
        runtime_folder: folder.join("run"),
        state_folder: folder.join("state"),
        cache_folder: folder.join("cache"),
        ..Settings::default()
    };
    let (events, _happened) = longshore::events();
    longshore::run(prepared, &settings, events, &Cancel::never()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_replaced_after_its_check_is_not_mounted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["data", "secret"] {
        std::fs::create_dir(root.join(name)).unwrap();
        std::fs::write(root.join(name).join("told"), name).unwrap();
    }
    let replace = || {
        std::fs::rename(root.join("data"), root.join("meant")).unwrap();
        std::os::unix::fs::symlink("secret", root.join("data")).unwrap();
    };
    let record = run(&root, replace).await;
    assert_eq!(record.outcome, Outcome::EnvironmentFailed, "{record:?}");
    let told = format!("{record:?}");
    assert!(told.contains("was replaced after it was checked"), "{told}");
    // The runtime folder is the run's, and empty.
    assert_eq!(std::fs::read_dir(root.join("run/runs")).unwrap().count(), 0);
}
