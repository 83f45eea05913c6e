//! The conformance suite: every case of `tests/cases` on every engine, through the `longshore` command as a user runs
//! it, and a look at the machine afterwards. What a case may say is in `case.rs` and `tests/cases/README.md`.
//!
//! With `LONGSHORE_TEST_SERVER` set, all runs go through a resident host, and nothing else may differ.
//!
//! `LONGSHORE_BIN` names the command to test; without it, it is the release build. A missing command or engine is a
//! failure here, never a skipped test.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and its report goes to standard output")]

mod capabilities;
mod case;
#[path = "../command/mod.rs"]
mod command;
mod compare;
mod contract;
mod document;
mod expect;
mod generate;
mod input;
mod leftovers;
mod run;
mod table;

use capabilities::Capabilities;
use case::Case;
use command::{Home, Resident};
use contract::Contract;
use leftovers::Leftovers;
use libtest_mimic::{Arguments, Failed, Trial};
use run::Command;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The engines that every case runs on.
const ENGINES: [&str; 2] = ["docker", "process"];

/// The languages that every case with a script runs in.
const SDKS: [&str; 2] = ["python", "r"];

/// Cases at a time: the machines this must pass on have two processors.
const THREADS: usize = 2;

/// The variable with which all runs go through a resident host.
const THROUGH_SERVER: &str = "LONGSHORE_TEST_SERVER";

/// Everything that trials share.
struct Suite {
    /// The command to test; a trial without it fails and says so.
    command: Result<Command, String>,
    /// Where commands keep what they remember, and whose images theirs are.
    home: Home,
    /// The resident host that runs go through, if the suite runs that way.
    resident: Option<Resident>,
    /// Large inputs, made once.
    cache: generate::Cache,
    cases: PathBuf,
    examples: PathBuf,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let tests = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let cases = tests.join("cases");
    let home = Home::new();
    let through_server = std::env::var_os(THROUGH_SERVER).is_some() && !arguments.list;
    let suite = Arc::new(Suite {
        command: Command::find(),
        resident: through_server.then(|| Resident::start(&home, &["--allow-processes"])),
        home,
        cache: generate::Cache::new(),
        examples: tests.with_file_name("examples"),
        cases: cases.clone(),
    });
    let capabilities = Capabilities::read(&tests.join("cases"));
    let mut trials = Vec::new();
    let read = read_cases(&cases);
    let contract = Contract::read(&cases);
    let document = document::check(&tests.with_file_name("docs"), &read, &capabilities, &contract);
    trials.push(Trial::test("docs_are_what_the_cases_say", move || document.map_err(Failed::from)));
    let shown = contract.check(&read);
    trials.push(Trial::test("every_section_of_the_contract_has_a_case", move || shown.map_err(Failed::from)));
    let stale = capabilities.stale(&read);
    trials.push(Trial::test("every_excuse_excuses_a_case", move || stale.map_err(Failed::from)));
    for (name, case) in read {
        let case = Arc::new(case);
        for engine in ENGINES {
            let wanted = case.as_ref().as_ref().map_or(true, |case| case.runs_on(engine));
            let scripted = case.as_ref().as_ref().is_ok_and(Case::has_script);
            let languages = if scripted { &SDKS[..] } else { &SDKS[..1] };
            for sdk in languages.iter().filter(|sdk| wanted && !capabilities.excuses(sdk, &name)) {
                let (case, suite) = (Arc::clone(&case), Arc::clone(&suite));
                let name = if scripted { format!("{engine}::{sdk}::{name}") } else { format!("{engine}::{name}") };
                trials.push(Trial::test(name, move || trial(&suite, &case, engine, sdk)));
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
    let server = suite.resident.as_ref().and_then(|resident| {
        resident.signal(rustix::process::Signal::TERM);
        resident.wait_for_end().err()
    });
    let pruned = suite.home.prune().err().map(|said| format!("images that cannot be removed: {said}"));
    let behind: Vec<String> = server.into_iter().chain(pruned).chain(Leftovers::after(&before, &suite.home)).collect();
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
        .filter(|path| path.file_stem().is_some_and(|name| name != "capabilities" && name != "contract"))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), Case::read(&path)))
        .collect()
}

fn trial(suite: &Suite, case: &Result<Case, String>, engine: &str, sdk: &str) -> Result<(), Failed> {
    let case = case.as_ref().map_err(Failed::from)?;
    let command = suite.command.as_ref().map_err(Failed::from)?;
    if case.has_script() && case.script_in(sdk).is_none() {
        return Err(format!("there is no script for `{sdk}`, and `capabilities.toml` does not say why").into());
    }
    run::run(suite, command, case, engine, sdk).map_err(Failed::from)
}
