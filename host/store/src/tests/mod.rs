//! Tests of the database as its users see it: a recorder and a history of the same state folder.

mod damage;
mod logs;
mod runs;
mod select;
mod takeover;
mod tokens;

use crate::{NewRun, Recorder, RunHistory, RunRecording, Which};
use longshore_model::cancel::Cancel;
use longshore_model::event::Event;
use longshore_model::outcome::Outcome;
use longshore_protocol::LogSource;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long something that another thread does may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A user's state.
struct State {
    folder: TempDir,
    recorder: Recorder,
}

impl State {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(folder.path());
        Self { folder, recorder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn history(&self) -> RunHistory {
        RunHistory::open(self.folder.path()).unwrap()
    }

    fn begin(&self, run_id: &str, log_bytes: u64) -> RunRecording {
        self.recorder.begin(run(run_id, log_bytes), &Cancel::new()).unwrap()
    }

    fn end(&self, run_id: &str, outcome: Outcome) {
        self.begin(run_id, 0).end(outcome, record(outcome), 1000).unwrap();
    }

    fn ids(&self) -> Vec<String> {
        self.history().list(usize::MAX, Which::All).unwrap().into_iter().map(|run| run.run_id).collect()
    }

    fn raw(&self) -> Connection {
        Connection::open(self.path("database/longshore.sqlite")).unwrap()
    }

    /// A record of a former version.
    fn former(&self, run_id: &str, record: &Value, log: &str) -> PathBuf {
        let folder = self.path("runs").join(run_id);
        std::fs::create_dir_all(&folder).unwrap();
        let entry = json!({
            "run_id": run_id, "block": "b", "source": "/b", "inputs": ["/in.csv", null], "started_ms": 7, "record": record,
        });
        std::fs::write(folder.join("run.json"), entry.to_string()).unwrap();
        std::fs::write(folder.join(".longshore-lock"), "").unwrap();
        if !log.is_empty() {
            std::fs::write(folder.join("log"), log).unwrap();
        }
        folder
    }
}

fn run(run_id: &str, log_bytes: u64) -> NewRun {
    let (run_id, block, source) = (run_id.to_owned(), "b".to_owned(), "/b".into());
    NewRun { run_id, block, source, inputs: vec![Some("/in.csv".into()), None], started_ms: 7, log_bytes }
}

fn record(outcome: Outcome) -> serde_json::Result<String> {
    Ok(json!({"outcome": outcome, "message": "it was so"}).to_string())
}

fn printed(text: &[u8]) -> Event {
    Event::Log { source: LogSource::Stdout, bytes: text.to_vec() }
}

/// A number from 0 up to, but not including, `sides`.
fn roll(seed: &mut u64, sides: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap() % sides
}

fn soon(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn run_of(run_id: &str) -> NewRun {
    run(run_id, 100)
}
