//! Tokens, sessions and links.

use super::State;
use crate::{TokenError, Tokens};
use rusqlite::params;
use std::time::Duration;

fn tokens(state: &State) -> Tokens {
    Tokens::open(state.folder.path()).unwrap()
}

#[test]
fn a_token_lets_in_until_it_is_revoked_and_its_sessions_with_it() {
    let state = State::new();
    let mut tokens = tokens(&state);
    let first = tokens.add("ci", None).unwrap();
    let second = tokens.add("laptop@home", Some(Duration::from_secs(3600))).unwrap();
    assert!(first.reveal().len() == 74 && first.reveal() != second.reveal());
    assert!(!format!("{first:?}").contains(&first.reveal()[10..]));
    assert_eq!(tokens.admit(first.reveal()).unwrap().unwrap().token.as_deref(), Some("ci"));
    let session = tokens.begin_session(first.reveal()).unwrap().unwrap();
    assert_eq!(tokens.admit_session(session.reveal()).unwrap().unwrap().token.as_deref(), Some("ci"));
    // Each is for its own purpose.
    assert_eq!(tokens.admit(session.reveal()).unwrap(), None);
    assert_eq!(tokens.admit_session(first.reveal()).unwrap(), None);
    assert!(tokens.begin_session(session.reveal()).unwrap().is_none());
    assert!(matches!(tokens.add("ci", None), Err(TokenError::Exists { .. })));
    let listed = tokens.list().unwrap();
    let names: Vec<_> = listed.iter().map(|token| (token.name.as_str(), token.ends_ms.is_some())).collect();
    assert_eq!(names, [("ci", false), ("laptop@home", true)]);
    assert!(listed[0].used_ms.is_some() && listed[1].used_ms.is_none());
    // Another process sees it at once.
    self::tokens(&state).revoke("ci").unwrap();
    assert_eq!(tokens.admit(first.reveal()).unwrap(), None);
    assert_eq!(tokens.admit_session(session.reveal()).unwrap(), None);
    assert!(tokens.admit(second.reveal()).unwrap().is_some());
    assert!(matches!(tokens.revoke("ci"), Err(TokenError::Unknown { .. })));
}

#[test]
fn a_link_begins_one_session() {
    let state = State::new();
    let mut tokens = tokens(&state);
    let link = tokens.link().unwrap();
    assert_eq!(tokens.admit(link.reveal()).unwrap(), None);
    let session = tokens.begin_session(link.reveal()).unwrap().unwrap();
    assert_eq!(tokens.admit_session(session.reveal()).unwrap().unwrap().token, None);
    assert!(tokens.begin_session(link.reveal()).unwrap().is_none());
    tokens.end_session(session.reveal()).unwrap();
    assert_eq!(tokens.admit_session(session.reveal()).unwrap(), None);
    // Of many that try it at the same time, one succeeds.
    let link = tokens.link().unwrap();
    let begun = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| self::tokens(&state).begin_session(link.reveal()).unwrap().is_some()))
            .collect();
        tries.into_iter().map(|begun| usize::from(begun.join().unwrap())).sum::<usize>()
    });
    assert_eq!(begun, 1);
}

#[test]
fn what_has_ended_lets_nobody_in() {
    let state = State::new();
    let mut tokens = tokens(&state);
    let token = tokens.add("short", Some(Duration::from_secs(60))).unwrap();
    let session = tokens.begin_session(token.reveal()).unwrap().unwrap();
    let link = tokens.link().unwrap();
    // A session lasts no longer than its token.
    state.raw().execute("UPDATE tokens SET ends_ms = 1 WHERE kind = 'token'", []).unwrap();
    assert_eq!(tokens.admit(token.reveal()).unwrap(), None);
    assert_eq!(tokens.admit_session(session.reveal()).unwrap(), None);
    assert!(tokens.list().unwrap()[0].has_ended());
    state.raw().execute("UPDATE tokens SET ends_ms = 1 WHERE kind = 'link'", []).unwrap();
    assert!(tokens.begin_session(link.reveal()).unwrap().is_none());
    // They are removed with the next one.
    drop(tokens.link().unwrap());
    let kinds: i64 =
        state.raw().query_row("SELECT count(*) FROM tokens WHERE kind = 'link'", params![], |row| row.get(0)).unwrap();
    assert_eq!(kinds, 1);
}

#[test]
fn names_are_plain_and_no_text_is_a_secret_that_was_not_given() {
    let state = State::new();
    let mut tokens = tokens(&state);
    for name in ["", "a b", "a/b", "ä", "a\n", "x".repeat(65).as_str(), "'; DROP TABLE tokens"] {
        assert!(matches!(tokens.add(name, None), Err(TokenError::Name { .. })), "{name:?}");
    }
    tokens.add(&"x".repeat(64), None).unwrap();
    for secret in ["", "longshore_", "' OR 1 = 1 --", "%", "\0"] {
        assert_eq!(tokens.admit(secret).unwrap(), None, "{secret:?}");
    }
}

#[test]
fn a_database_of_the_first_format_gets_tokens_and_keeps_its_runs() {
    let state = State::new();
    state.end("1-a", longshore_model::outcome::Outcome::Succeeded);
    let raw = state.raw();
    raw.execute_batch("DROP TABLE tokens; PRAGMA user_version = 1;").unwrap();
    drop(raw);
    drop(tokens(&state).add("ci", None).unwrap());
    assert_eq!(state.ids(), ["1-a"]);
}
