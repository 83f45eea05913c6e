//! Databases that cannot be used: of a newer version, damaged, of another program, on a full disk.

use super::{State, printed, record, roll, run_of};
use crate::database::{Database, Place};
use crate::{HistoryError, Recorder, RunHistory, StoreFailure, Which};
use longshore_model::cancel::Cancel;
use longshore_model::outcome::Outcome;

fn failure<T: std::fmt::Debug>(result: Result<T, HistoryError>) -> StoreFailure {
    match result {
        Err(HistoryError::Store { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_database_of_this_version_is_named_and_stays() {
    let state = State::new();
    state.end("1-a", Outcome::Succeeded);
    state.raw().pragma_update(None, "user_version", 7).unwrap();
    let newer = failure(RunHistory::open(state.folder.path()).map(drop));
    assert!(matches!(newer, StoreFailure::Newer { found: 7, known: 2 }), "{newer:?}");
    let other = Recorder::new(state.folder.path()).begin(run_of("2-b"), &Cancel::new());
    assert!(matches!(failure(other.map(drop)), StoreFailure::Newer { .. }));

    for damage in [
        &b"this is no database, and longer than a header of one could be, at a hundred bytes or more of text."[..],
        &[0; 8192],
    ] {
        let state = State::new();
        std::fs::create_dir(state.path("database")).unwrap();
        std::fs::write(state.path("database/longshore.sqlite"), damage).unwrap();
        let error = RunHistory::open(state.folder.path()).map(drop).unwrap_err();
        assert!(error.remedy().is_some(), "{error:?}");
        assert!(matches!(failure(Err::<(), _>(error)), StoreFailure::Damaged));
        assert_eq!(std::fs::read(state.path("database/longshore.sqlite")).unwrap(), damage);
    }
    let state = State::new();
    std::fs::create_dir(state.path("database")).unwrap();
    state.raw().execute_batch("CREATE TABLE of_another_program (x)").unwrap();
    assert!(matches!(failure(state.recorder.begin(run_of("1-a"), &Cancel::new())), StoreFailure::Damaged));
    // A file in the place of a folder.
    let state = State::new();
    std::fs::write(state.path("database"), "").unwrap();
    assert!(matches!(failure(state.recorder.begin(run_of("1-a"), &Cancel::new())), StoreFailure::Io(_)));
    assert!(matches!(failure(RunHistory::open(state.folder.path())), StoreFailure::Io(_)));
}

/// Bytes that change anywhere in the file are an error or a history with less in it, never a panic.
#[test]
fn a_damaged_database_does_no_harm() {
    let state = State::new();
    for number in 0..20 {
        let recording = state.begin(&format!("{number:02}-a"), 10_000);
        recording.take(&printed(&b"text\n".repeat(1000)));
        recording.end(Outcome::Failed, record(Outcome::Failed), 1000).unwrap();
    }
    let file = state.path("database/longshore.sqlite");
    state.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut seed = 3_u64;
    let mut failures = 0;
    for _ in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            let (at, with) = (roll(&mut seed, bytes.len()), 1 + roll(&mut seed, 255));
            bytes[at..].iter_mut().take(16).for_each(|byte| *byte ^= u8::try_from(with).unwrap());
        }
        let other = State::new();
        std::fs::create_dir(other.path("database")).unwrap();
        std::fs::write(other.path("database/longshore.sqlite"), bytes).unwrap();
        let read = RunHistory::open(other.folder.path()).and_then(|history| {
            for run in history.list(100, Which::Failed)? {
                history.log(&run)?;
                history.log_after(&run, 3)?;
                history.remove(&run)?;
            }
            Ok(())
        });
        failures += usize::from(read.is_err());
        let _ = other.recorder.begin(run_of("99-z"), &Cancel::new()).map(drop);
    }
    assert!(failures > 0 && failures < 200, "{failures}");
}

#[test]
fn a_full_disk_is_an_error_and_what_was_recorded_stays() {
    let state = State::new();
    state.end("1-a", Outcome::Succeeded);
    let Database { mut connection, .. } = Place::new(state.folder.path()).open().unwrap();
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    connection.pragma_update_and_check(None, "max_page_count", pages + 3, |_| Ok(())).unwrap();
    let transaction = connection.transaction().unwrap();
    let written = transaction.execute("UPDATE runs SET record = zeroblob(100000) || record", []);
    let full = written.map_err(StoreFailure::from).unwrap_err();
    assert!(matches!(full, StoreFailure::Full), "{full:?}");
    drop(transaction);
    assert_eq!(state.history().list(10, Which::All).unwrap()[0].outcome(), Some("succeeded"));
}
