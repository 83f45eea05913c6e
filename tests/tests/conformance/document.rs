//! `docs/conformance.md`: every case, with the languages and engines that it runs on. It is generated from the cases, and a
//! trial of the suite fails if it is out of date; `make docs` writes it, and `docs/contract.md`.

use crate::capabilities::Capabilities;
use crate::case::Case;
use crate::contract::Contract;
use crate::{ENGINES, SDKS};
use std::fmt::Write;
use std::path::Path;

/// If set, the documents are written instead of compared.
const WRITE: &str = "LONGSHORE_WRITE_DOCS";

/// The prefix of cases in the section on environments.
const ENVIRONMENTS: &str = "environment_";

/// The head of each table.
const HEAD: &str = "| case | behaviour | Python | R | engines |\n|---|---|---|---|---|\n";

/// Compares the documents with the cases, or writes them.
pub(crate) fn check(
    docs: &Path,
    cases: &[(String, Result<Case, String>)],
    capabilities: &Capabilities,
    contract: &Contract,
) -> Result<(), String> {
    compare(&docs.join("conformance.md"), &text(cases, capabilities)?)?;
    compare(&docs.join("contract.md"), &contract.text(cases))
}

fn compare(path: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os(WRITE).is_some() {
        return std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    }
    let there = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let differs = |(index, (old, new)): (usize, (&str, &str))| {
        (old != new).then(|| format!("line {}:\n  is      {old}\n  should be {new}", index + 1))
    };
    if there == text {
        return Ok(());
    }
    let first = there.lines().zip(text.lines()).enumerate().find_map(differs);
    let first = first.unwrap_or_else(|| "one is longer".into());
    Err(format!("{} is out of date, `make docs` writes it: {first}", path.display()))
}

fn text(cases: &[(String, Result<Case, String>)], capabilities: &Capabilities) -> Result<String, String> {
    let (mut rows, mut chapter) = (String::new(), String::new());
    let (mut scripted, mut excuses) = (0, 0);
    let mut trials = 0;
    for (name, case) in cases {
        let case = case.as_ref().map_err(Clone::clone)?;
        let engines = ENGINES.iter().filter(|engine| case.runs_on(engine)).count();
        let mut cells = Vec::new();
        for sdk in SDKS {
            cells.push(match capabilities.reason(sdk, name) {
                Some(reason) => {
                    excuses += 1;
                    format!("no: {reason}")
                }
                None => {
                    trials += if case.has_script() || sdk == SDKS[0] { engines } else { 0 };
                    if case.has_script() { "yes" } else { "either" }.to_owned()
                }
            });
        }
        scripted += usize::from(case.has_script());
        let on = match (&case.engines, &case.reason) {
            (Some(engines), Some(reason)) => format!("{}: {reason}", engines.join(", ")),
            _ => "both".into(),
        };
        let description = case.description.replace('|', "\\|").replace('\n', " ");
        let rows = if name.starts_with(ENVIRONMENTS) { &mut chapter } else { &mut rows };
        // Writing into a string cannot fail.
        let _ = writeln!(rows, "| `{name}` | {} | {} | {on} |", description.trim(), cells.join(" | "));
    }
    let total = cases.len();
    Ok(format!(
        "# Conformance\n\nThe behaviour that every change is tested for, through the `longshore` command: {total} cases \
         in `tests/cases`, {trials} trials. {scripted} cases have a script, in Python and in R; {excuses} times a \
         language does not support a case, and the table gives the reason. The other cases need no script, or the \
         same one in both languages (`either`). Cases named `bad_…` describe input that is rejected with an error \
         before anything starts; cases named `wire_…` violate the protocol by hand. This page is generated from the \
         cases.\n\n\
         {HEAD}{rows}\n## Environments\n\nThe images and folders that blocks run in: packages, locks, third-party \
         images, settings and fingerprints, tested through the command. The suite has an image store, a state folder \
         and a cache of its own, which are empty at its end.\n\n{HEAD}{chapter}"
    ))
}
