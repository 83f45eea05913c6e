//! Records of former versions.

use super::{State, record, run_of};
use crate::{HistoryEntry, Recorder, RunState, Which};
use longshore_model::cancel::Cancel;
use longshore_model::outcome::Outcome;
use longshore_os::locked_folder::LockedFolder;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn records_of_former_versions_are_taken_over_once() {
    let state = State::new();
    state.former("1-a", &json!({"outcome": "failed", "message": "x", "unknown": [1, 2.5]}), "one\n… 8 bytes …\n");
    state.former("2-b", &Value::Null, "");
    // One that a killed takeover had written, and not removed yet.
    state.end("3-c", Outcome::Succeeded);
    state.former("3-c", &json!({"outcome": "failed"}), "");
    // Those that cannot be read stay.
    let wrong = state.former("4-d", &Value::Null, "");
    std::fs::rename(&wrong, state.path("runs/other")).unwrap();
    let damaged = state.former("5-e", &Value::Null, "");
    std::fs::write(damaged.join("run.json"), "{\"run_id\": ").unwrap();
    std::fs::create_dir(state.path("runs/empty")).unwrap();
    // One of a process of such a version goes on.
    let goes_on = LockedFolder::create(&state.path("runs"), "6-f", 0o700).unwrap();

    let history = state.history();
    let runs = history.list(10, Which::All).unwrap();
    let states: Vec<_> = runs.iter().map(|run| (run.run_id.as_str(), run.state, run.outcome())).collect();
    let expected = [
        ("3-c", RunState::Ended, Some("succeeded")),
        ("2-b", RunState::Lost, None),
        ("1-a", RunState::Ended, Some("failed")),
    ];
    assert_eq!(states, expected);
    let first: &HistoryEntry = &runs[2];
    assert_eq!((first.started_ms, first.source.as_path()), (7, Path::new("/b")));
    assert_eq!(first.record, Some(json!({"outcome": "failed", "message": "x", "unknown": [1, 2.5]})));
    assert_eq!(history.log(first).unwrap(), "one\n… 8 bytes …\n".as_bytes());
    let mut left: Vec<String> = history
        .left()
        .iter()
        .map(|left| format!("{}: {}", left.path.file_name().unwrap().display(), left.reason))
        .collect();
    left.sort();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left[0].starts_with("5-e: `run.json`: ") && left[1].starts_with("empty: `run.json`: "), "{left:?}");
    assert_eq!(left[2], "other: `run.json`: its run has not the name of the folder");
    for (name, is_there) in [("1-a", false), ("2-b", false), ("3-c", false), ("5-e", true), ("6-f", true)] {
        assert_eq!(state.path("runs").join(name).exists(), is_there, "{name}");
    }
    drop(goes_on);
    for name in ["other", "5-e", "empty"] {
        std::fs::remove_dir_all(state.path("runs").join(name)).unwrap();
    }
    assert!(state.history().left().is_empty());
}

#[test]
fn many_may_take_over_and_create_at_the_same_time() {
    let state = State::new();
    let ids: Vec<String> = (0..60).map(|number| format!("{number:04}-a")).collect();
    ids.iter().for_each(|id| drop(state.former(id, &json!({"outcome": "succeeded"}), id)));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let state = &state;
            scope.spawn(move || match number % 2 {
                0 => drop(state.history()),
                _ => {
                    let recorder = Recorder::new(state.folder.path());
                    let recording = recorder.begin(run_of(&format!("new{number}-a")), &Cancel::new()).unwrap();
                    recording.end(Outcome::Succeeded, record(Outcome::Succeeded), 1000).unwrap();
                }
            });
        }
    });
    assert_eq!(state.ids().len(), 64);
    assert!(!state.path("runs").exists());
    let history = state.history();
    ids.iter().for_each(|id| assert_eq!(history.log(&history.find(id).unwrap()).unwrap(), id.as_bytes()));
}

#[test]
fn many_may_create_the_database_at_the_same_time() {
    for _ in 0..40 {
        let state = State::new();
        std::thread::scope(|scope| {
            for number in 0..6 {
                let recorder = Recorder::new(state.folder.path());
                scope.spawn(move || {
                    let recording = recorder.begin(run_of(&format!("{number}-a")), &Cancel::new()).unwrap();
                    recording.end(Outcome::Succeeded, record(Outcome::Succeeded), 1000).unwrap();
                });
            }
        });
        assert_eq!(state.ids().len(), 6);
    }
}
