//! Runs: what others see of them, how they are found, cancelled and removed.

use super::{State, printed, record, run_of, soon};
use crate::hosts::Hosts;
use crate::{HistoryError, Recorder, RunHistory, RunState, Which};
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::event::Event;
use longshore_model::outcome::Outcome;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

#[test]
fn a_run_is_seen_by_others_while_it_goes_on() {
    let state = State::new();
    let recording = state.begin("1-a", 1000);
    let history = state.history();
    let now = || history.find("1-a").unwrap();
    let first = now();
    assert_eq!((first.state, first.run_id.as_str(), first.block.as_str()), (RunState::Running, "1-a", "b"));
    assert_eq!(first.inputs, [Some("/in.csv".into()), None]);
    recording.take(&printed(b"one\nincomplete"));
    recording.take(&Event::Progress { fraction: 0.5, text: Some("half way".into()) });
    soon("its log", || history.log(&first).unwrap() == b"one\n");
    soon("its message", || now().message.as_deref() == Some("half way") && now().progress == Some(0.5));
    let piece = history.log_after(&first, 0).unwrap();
    assert_eq!((piece.left_out, piece.bytes.as_slice(), piece.position), (0, &b"one\n"[..], 4));
    assert!(matches!(history.remove(&first), Err(HistoryError::Running { .. })));
    recording.end(Outcome::Failed, record(Outcome::Failed), 10).unwrap();
    let last = history.again(&first).unwrap();
    assert_eq!((last.state, last.outcome(), last.message.as_deref()), (RunState::Ended, Some("failed"), None));
    assert_eq!(history.log_after(&first, 4).unwrap().bytes, b"incomplete");
    let host: String = state.raw().query_row("SELECT host FROM runs", [], |row| row.get(0)).unwrap();
    assert!(!Hosts::new(&state.path("database")).lives(&host));
}

#[test]
fn a_run_without_an_end_is_lost() {
    let state = State::new();
    let recording = state.begin("1-a", 100);
    recording.take(&printed(b"before"));
    drop(recording);
    let history = state.history();
    let run = || history.find("last").unwrap();
    soon("the run is lost", || run().state == RunState::Lost);
    assert_eq!(history.log(&run()).unwrap(), b"before");
    // One whose host was killed: nobody has its lock.
    let kept_alive = state.begin("2-b", 100);
    state.raw().execute("UPDATE runs SET host = '1a2b3c' WHERE run_id = '2-b'", []).unwrap();
    assert_eq!(run().state, RunState::Lost);
    assert!(matches!(history.cancel(&run(), CancelLevel::Gently), Err(HistoryError::NotRunning { lost: true, .. })));
    // The next host records that.
    Recorder::new(state.folder.path()).begin(run_of("3-c"), &Cancel::new()).map(drop).unwrap();
    let stored: String =
        state.raw().query_row("SELECT state FROM runs WHERE run_id = '2-b'", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, "lost");
    drop(kept_alive);
}

#[test]
fn a_run_that_waits_shows_its_place_until_it_is_admitted() {
    let state = State::new();
    let recording = state.begin("1-a", 100);
    let message = || state.history().find("last").unwrap().message;
    for (place, shown) in
        [(12, Some("waiting in the queue: place 12")), (1, Some("waiting in the queue: place 1")), (0, None)]
    {
        recording.take(&Event::Queued { place });
        soon("its place is there", || message().as_deref() == shown);
    }
    drop(recording);
}

#[test]
fn a_request_to_cancel_reaches_the_host() {
    let state = State::new();
    let cancel = Cancel::new();
    let recording = state.recorder.begin(run_of("1-a"), &cancel).unwrap();
    let history = state.history();
    let run = history.find("last").unwrap();
    for level in [CancelLevel::Gently, CancelLevel::AtOnce] {
        history.cancel(&run, level).unwrap();
        soon("it is cancelled", || cancel.level() == level);
    }
    recording.end(Outcome::Interrupted, record(Outcome::Interrupted), 10).unwrap();
    let refused = history.cancel(&run, CancelLevel::Gently).unwrap_err();
    assert_eq!(refused.to_string(), "cannot cancel the run `1-a`: it has ended");
}

#[test]
fn runs_are_found_by_their_id_and_by_parts_of_it() {
    let state = State::new();
    for id in ["64a1-00ff", "64a2-00ee", "64b3-11dd", "x%_-'"] {
        state.end(id, Outcome::Succeeded);
    }
    let history = state.history();
    let find = |reference: &str| history.find(reference).map(|run| run.run_id).map_err(|error| error.to_string());
    for (reference, run) in [
        ("64a2-00ee", "64a2-00ee"),
        ("64b", "64b3-11dd"),
        ("00e", "64a2-00ee"),
        ("last", "x%_-'"),
        ("x%", "x%_-'"),
        ("'", "x%_-'"),
    ] {
        assert_eq!(find(reference), Ok(run.to_owned()), "{reference}");
    }
    assert_eq!(
        find("64a").unwrap_err(),
        "`64a` matches several runs, `64a2-00ee`, `64a1-00ff`: give more characters of the id"
    );
    for reference in ["", "nothing", "../runs", "%", "_", "64a_"] {
        assert!(find(reference).unwrap_err().contains("there is no run"), "{reference}");
    }
    let nowhere = RunHistory::open(Path::new("/nowhere")).unwrap();
    assert!(nowhere.list(10, Which::All).unwrap().is_empty() && nowhere.find("last").is_err());
}

#[test]
fn the_newest_stay_and_those_that_go_on() {
    let state = State::new();
    let running = state.begin("1-a", 100);
    let ids = ["2-b", "3-c", "4-d", "5-e"];
    for (id, outcome) in ids.into_iter().zip([Outcome::Failed, Outcome::Succeeded, Outcome::Failed, Outcome::Failed]) {
        let recording = state.begin(id, 100);
        recording.take(&printed(b"text"));
        recording.end(outcome, record(outcome), 2).unwrap();
    }
    assert_eq!(state.ids(), ["5-e", "4-d", "1-a"]);
    let failed = |most| state.history().list(most, Which::Failed).unwrap().into_iter().map(|run| run.run_id);
    assert_eq!(failed(10).collect::<Vec<_>>(), ["5-e", "4-d"]);
    assert_eq!(failed(1).collect::<Vec<_>>(), ["5-e"]);
    // Their logs go with them, and their space.
    let logs = || state.raw().query_row("SELECT count(*) FROM log", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(logs(), 2);
    let large = state.begin("6-f", 10 << 20);
    large.take(&printed(&b"a line of text\n".repeat(100_000)));
    large.end(Outcome::Succeeded, record(Outcome::Succeeded), 10).unwrap();
    let pages = || state.raw().query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(pages() > 300);
    let history = state.history();
    history.remove(&history.find("6-f").unwrap()).unwrap();
    assert!(pages() < 50, "{}", pages());
    drop(running);
}

#[test]
fn files_are_this_users_alone() {
    let state = State::new();
    state.end("1-a", Outcome::Succeeded);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state.path("database")), 0o700);
    let files = ["longshore.sqlite", "longshore.sqlite-wal", "longshore.sqlite-shm", "hosts.lock"];
    for name in files {
        assert_eq!(mode(&state.path("database").join(name)), 0o600, "{name}");
    }
}

#[test]
fn who_writes_waits_for_another_writer_and_readers_do_not() {
    let state = State::new();
    let recording = state.begin("1-a", 100);
    let other = state.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    recording.take(&printed(b"text"));
    assert_eq!(state.history().list(10, Which::All).unwrap().len(), 1);
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| recording.end(Outcome::Succeeded, record(Outcome::Succeeded), 10));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!ending.is_finished());
        other.execute_batch("COMMIT").unwrap();
        ending.join().unwrap().unwrap();
    });
    let history = state.history();
    assert_eq!(history.log(&history.find("last").unwrap()).unwrap(), b"text");
}

#[test]
fn a_history_that_was_removed_begins_anew() {
    let state = State::new();
    state.end("1-a", Outcome::Succeeded);
    std::fs::remove_dir_all(state.path("database")).unwrap();
    state.end("2-b", Outcome::Succeeded);
    assert_eq!(state.ids(), ["2-b"]);
}
