//! `longshore test`: runs a block's test cases, and prints the result of each as it ends, and a summary.

use crate::engine_argument::EngineArgument;
use crate::jobs::at_least_one;
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, failure, help, printer};
use clap::Args;
use futures_util::StreamExt;
use longshore::cases::{Bench, Case, CaseError, CaseResult};
use longshore::shown::Shown;
use longshore::{Cancel, CancelLevel, Host, Note, Outcome};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Exit status when a case failed.
const FAILED: u8 = 1;

/// Exit status when the engine failed.
const ENGINE_FAILED: u8 = 3;

/// Default number of cases at a time: more than four containers at once are rarely faster, and each may use memory up
/// to its limit.
const JOBS: usize = 4;

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// The block's folder
    block: PathBuf,
    /// Cases to run, by name; by default all of `cases/*.toml`
    cases: Vec<String>,
    /// Overwrite expected files that differ with the block's outputs
    #[arg(long)]
    update: bool,
    /// Engine to run with: auto is docker, or process if no engine is installed
    #[arg(long, value_enum, default_value_t = EngineArgument::Auto)]
    engine: EngineArgument,
    /// Image to run the cases in
    #[arg(long)]
    image: Option<String>,
    /// Number of cases at a time; by default the number of processors, at most four
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    jobs: Option<NonZeroUsize>,
    /// Print one JSON object with each case's result on standard output
    #[arg(long)]
    json: bool,
}

/// Runs the cases, and returns the exit status.
pub(crate) async fn test(arguments: TestArguments, host: &Host) -> u8 {
    let begun = Instant::now();
    let (engines, admission) = (host.engines().clone(), host.admission().clone());
    let bench = Bench { engine: arguments.engine.into(), image: arguments.image, engines, admission };
    let cases = match checked(&arguments.block, &arguments.cases, &bench, arguments.update) {
        Ok(cases) => cases,
        Err(error) => return fail(&error),
    };
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let jobs = arguments.jobs.map_or_else(jobs, NonZeroUsize::get);
    let (bench, cancel) = (&bench, &cancel);
    let run = |case: Case| async move {
        // After Ctrl-C no further case begins.
        if cancel.level() > CancelLevel::None {
            return None;
        }
        Some(if arguments.update { case.update(bench, cancel).await } else { case.run(bench, cancel).await })
    };
    let mut running = futures_util::stream::iter(cases).map(run).buffered(jobs);
    let mut results = Vec::new();
    while let Some(result) = running.next().await {
        match result {
            None => {}
            Some(Ok(result)) => {
                if !arguments.json {
                    printer::err(&notes(&result, &results));
                    printer::err(&shown(&result));
                }
                results.push(result);
            }
            Some(Err(error)) => {
                cancel.cancel(CancelLevel::Gently);
                // Running cases end first, so that none of their containers and files is left.
                while running.next().await.is_some() {}
                return fail(&error);
            }
        }
    }
    drop(signals);
    let seconds = begun.elapsed().as_secs_f64();
    if arguments.json {
        // A closed pipe is not a failure.
        let _ = printer::json_line(&report(&results, seconds));
    } else {
        printer::err(&Shown::line(format!("{} in {seconds:.1} s", summary(&results))));
    }
    status(&results, cancel)
}

/// The cases, all checked before any of them starts.
fn checked(block: &Path, names: &[String], bench: &Bench, update: bool) -> Result<Vec<Case>, CaseError> {
    let cases = Case::find(block, names)?;
    cases.iter().try_for_each(|case| case.check(bench, update))?;
    Ok(cases)
}

fn fail(error: &CaseError) -> u8 {
    failure::print_advised(error, error.remedy(), if error.is_about_the_case() { BAD_INPUT } else { ENGINE_FAILED })
}

fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(JOBS)
}

fn status(results: &[CaseResult], cancel: &Cancel) -> u8 {
    if cancel.level() > CancelLevel::None {
        INTERRUPTED
    } else if results.iter().any(CaseResult::engine_failed) {
        ENGINE_FAILED
    } else if results.iter().all(CaseResult::passed) {
        0
    } else {
        FAILED
    }
}

/// The notes of a result that no earlier result had.
fn notes(result: &CaseResult, before: &[CaseResult]) -> Shown {
    let known = |note: &&Note| !before.iter().any(|before| before.notes.contains(note));
    result.notes.iter().filter(known).map(|note| Shown::line(format!("note: {}", help::note(note)))).collect()
}

/// A case's result in lines. The output of a failed script is shown too.
fn shown(result: &CaseResult) -> Shown {
    let mark = if result.passed() { '✓' } else { '✗' };
    let mut text = Shown::line(format!("{mark} {} ({:.2} s)", result.name, result.run.timings_ms.total / 1000.0));
    for path in &result.updated {
        text.push(format!("  wrote {}", path.display()));
    }
    text.extend(result.problems.iter().map(|problem| problem.describe().indented()));
    let advice = result.run.remedy.as_ref().filter(|_| !result.passed()).and_then(help::words);
    advice.iter().for_each(|words| text.push(format!("  help: {words}")));
    let hints = result.run.hints.iter().filter(|_| !result.passed());
    hints.for_each(|hint| text.push(format!("  hint: {}", help::note(hint))));
    let ended_well = result.run.outcome == Outcome::Succeeded;
    if !result.passed() && !ended_well && !result.printed.trim().is_empty() {
        text.push("  output:");
        text.extend(result.printed.lines().map(|line| Shown::line(line).indented().indented()));
    }
    text
}

fn summary(results: &[CaseResult]) -> String {
    let passed = results.iter().filter(|result| result.passed()).count();
    let failed = results.len() - passed;
    if failed == 0 { format!("{passed} passed") } else { format!("{passed} passed, {failed} failed") }
}

fn report(results: &[CaseResult], seconds: f64) -> Value {
    let passed = results.iter().filter(|result| result.passed()).count();
    let case = |result: &CaseResult| {
        let mut case = serde_json::to_value(result).unwrap_or_default();
        case["passed"] = result.passed().into();
        case["run"] = help::in_record(case["run"].take());
        case["notes"] = result.notes.iter().map(help::note).collect();
        case
    };
    json!({
        "passed": passed,
        "failed": results.len() - passed,
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "cases": results.iter().map(case).collect::<Vec<_>>(),
    })
}
