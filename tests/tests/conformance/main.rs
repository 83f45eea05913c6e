//! The conformance suite: every case of `tests/cases` on every engine, through the `longshore` command as a user runs
//! it, and a look at the machine afterwards. What a case may say is in `case.rs` and `tests/cases/README.md`.
//!
//! `LONGSHORE_BIN` names the command to test; without it, it is the release build. A missing command or engine is a
//! failure here, never a skipped test.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and its report goes to standard output")]

mod case;
mod compare;
mod expect;
mod generate;
mod input;
mod leftovers;
mod run;
mod table;

use case::Case;
use leftovers::Leftovers;
use libtest_mimic::{Arguments, Failed, Trial};
use run::Command;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The engines that every case runs on.
const ENGINES: [&str; 2] = ["docker", "process"];

/// Cases at a time: the machines this must pass on have two processors.
const THREADS: usize = 2;

/// Everything that trials share.
struct Suite {
    /// The command to test; a trial without it fails and says so.
    command: Result<Command, String>,
    /// Large inputs, made once.
    cache: generate::Cache,
    cases: PathBuf,
    examples: PathBuf,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = tests.join("cases");
    let suite = Arc::new(Suite {
        command: Command::find(),
        cache: generate::Cache::new(),
        examples: tests.with_file_name("examples"),
        cases: cases.clone(),
    });
    let mut trials = Vec::new();
    for (name, case) in read_cases(&cases) {
        let case = Arc::new(case);
        for engine in ENGINES {
            let wanted = case.as_ref().as_ref().map_or(true, |case| case.runs_on(engine));
            if wanted {
                let (case, suite) = (Arc::clone(&case), Arc::clone(&suite));
                trials.push(Trial::test(format!("{engine}::{name}"), move || trial(&suite, &case, engine)));
            }
        }
    }
    let listing = arguments.list;
    let before = Leftovers::find();
    let conclusion = libtest_mimic::run(&arguments, trials);
    suite.cache.remove();
    if listing {
        return ExitCode::SUCCESS;
    }
    let behind = Leftovers::after(&before);
    println!("test leaves_nothing_behind ... {}", if behind.is_empty() { "ok" } else { "FAILED" });
    for leftover in &behind {
        println!("  left behind: {leftover}");
    }
    if conclusion.has_failed() || !behind.is_empty() { ExitCode::from(101) } else { ExitCode::SUCCESS }
}

/// Every case by its name, in order; a case that cannot be read is a trial that fails.
fn read_cases(folder: &Path) -> Vec<(String, Result<Case, String>)> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the cases are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), Case::read(&path)))
        .collect()
}

fn trial(suite: &Suite, case: &Result<Case, String>, engine: &str) -> Result<(), Failed> {
    let case = case.as_ref().map_err(Failed::from)?;
    let command = suite.command.as_ref().map_err(Failed::from)?;
    run::run(suite, command, case, engine).map_err(Failed::from)
}
