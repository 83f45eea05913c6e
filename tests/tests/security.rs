//! SECURITY.md and what it is about: each promise names tests that are there.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod sources;

use sources::root;
use std::path::Path;

/// The promises, each with the tests that show it.
fn promises(page: &str) -> Vec<(String, Vec<String>)> {
    let table = page.split("| promise | shown by |\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().skip(1).map(|row| row.trim_matches('|').split_once('|').unwrap());
    let tests = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|(promise, shown)| (promise.trim().to_owned(), tests(shown))).collect()
}

/// What of a test's name is not there: its file, or its name in that.
fn missing(root: &Path, test: &str) -> Option<String> {
    let (file, name) = test.split_once("::").map_or((test, None), |(file, name)| (file, Some(name)));
    let Ok(text) = std::fs::read_to_string(root.join(file)) else {
        return Some(format!("there is no `{file}`"));
    };
    let name = name?;
    // A test of Rust's, one of Python's, or an attempt in a batch.
    let found = [format!("fn {name}("), format!("def {name}("), format!("\"{name}\"")];
    let is_there = found.iter().any(|found| text.contains(found));
    (!is_there).then(|| format!("`{file}` has no `{name}`"))
}

#[test]
fn each_promise_names_tests_that_are_there() {
    let page = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let promises = promises(&page);
    assert!(promises.len() > 10, "{promises:?}");
    for (promise, tests) in promises {
        assert!(!tests.is_empty(), "no test shows: {promise}");
        for test in tests {
            assert_eq!(missing(&root(), &test), None, "{promise}");
        }
    }
}

#[test]
fn tests_that_are_not_there_are_found() {
    let of = |test: &str| missing(&root(), test);
    assert_eq!(of("tests/none.py::x"), Some("there is no `tests/none.py`".into()));
    assert_eq!(of("tests/all::no_such_test"), Some("`tests/all` has no `no_such_test`".into()));
}
