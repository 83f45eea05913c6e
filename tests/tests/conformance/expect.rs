//! Holds what came of a case against what it expects.

use crate::case::{Case, Expect, Output};
use crate::run::Done;
use crate::{compare, leftovers, table};
use serde_json::Value;
use std::path::Path;

/// Everything that is not as expected.
pub(crate) fn check(case: &Case, expected: &Expect, folder: &Path, done: &Done) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    if done.exit != expected.exit {
        wrong.push(format!("exit status {}, expected {}", done.exit, expected.exit));
    }
    if done.took.as_secs() > expected.within {
        wrong.push(format!("it took {:?}, expected at most {} s", done.took, expected.within));
    }
    if let Some(most) = expected.memory.filter(|most| done.peak_mib > *most) {
        wrong.push(format!("it had {} MiB resident, expected at most {most}", done.peak_mib));
    }
    if done.stderr.contains("panicked at") {
        wrong.push("the command panicked".into());
    }
    check_record(case, expected, done, &mut wrong);
    let stdout = String::from_utf8_lossy(&done.stdout);
    for (what, text, has, has_not) in [
        ("stderr", done.stderr.as_str(), &expected.stderr, &expected.stderr_not),
        ("stdout", &stdout, &expected.stdout, &expected.stdout_not),
    ] {
        wrong.extend(has.iter().filter(|pattern| !contains(text, pattern)).map(|it| format!("{what} lacks `{it}`")));
        wrong.extend(has_not.iter().filter(|pattern| contains(text, pattern)).map(|it| format!("{what} has `{it}`")));
    }
    for (text, count) in &expected.stderr_count {
        let found = done.stderr.matches(text.as_str()).count();
        if found != *count {
            wrong.push(format!("`{text}` stands {found} times in stderr, expected {count}"));
        }
    }
    for output in &case.outputs {
        if let Err(error) = check_output(output, folder, done) {
            wrong.push(format!("output `{}`: {error}", output.path));
        }
    }
    check_folder(case, folder, &mut wrong);
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn check_record(case: &Case, expected: &Expect, done: &Done, wrong: &mut Vec<String>) {
    let record: Option<Value> = serde_json::from_slice(&done.stdout).ok();
    let Some(record) = record.filter(|record| case.command.is_none() && record.is_object()) else {
        if case.json && case.command.is_none() {
            wrong.push("stdout is not one JSON object".into());
        }
        if expected.outcome.is_some() || expected.message.is_some() || !expected.record.is_empty() {
            wrong.push("there is no record to look into".into());
        }
        return;
    };
    if let Some(outcome) = &expected.outcome
        && record["outcome"] != outcome.as_str()
    {
        wrong.push(format!("outcome {}, expected `{outcome}`", record["outcome"]));
    }
    match &expected.message {
        Some(message) if message.is_empty() && !record["message"].is_null() => {
            wrong.push(format!("message {}, expected none", record["message"]));
        }
        Some(message) if !message.is_empty() && !is(record["message"].as_str().unwrap_or_default(), message) => {
            wrong.push(format!("message {}, expected `{message}`", record["message"]));
        }
        _ => {}
    }
    for (pointer, value) in &expected.record {
        let found = record.pointer(pointer).cloned().unwrap_or(Value::Null);
        if !agrees(&found, value) {
            wrong.push(format!("record has {found} at `{pointer}`, expected {value:?}"));
        }
    }
    if expected.exit == 2 {
        // Nothing was started.
        let errors = record["errors"].as_array().is_some_and(|errors| !errors.is_empty());
        if record["outcome"] != "bad_input" || !errors || !record["run_id"].is_null() {
            wrong.push("standard output does not report bad input".into());
        }
        return;
    }
    match record["run_id"].as_str() {
        Some(run_id) if !run_id.is_empty() => match leftovers::containers(run_id, done.is_through_host) {
            Ok(containers) => wrong.extend(containers.into_iter().map(|container| format!("left behind: {container}"))),
            Err(error) => wrong.push(error),
        },
        _ => wrong.push("the record has no `run_id`".into()),
    }
}

fn agrees(found: &Value, wanted: &toml::Value) -> bool {
    match wanted {
        toml::Value::Boolean(wanted) => found.as_bool() == Some(*wanted),
        toml::Value::Integer(wanted) => found.as_i64() == Some(*wanted),
        toml::Value::Float(wanted) => found.as_f64() == Some(*wanted),
        toml::Value::String(wanted) => {
            let bound = |sign: char| wanted.strip_prefix(sign).and_then(|number| number.trim().parse::<f64>().ok());
            match (found, bound('>'), bound('<')) {
                (Value::Number(found), Some(bound), _) => found.as_f64().is_some_and(|found| found > bound),
                (Value::Number(found), _, Some(bound)) => found.as_f64().is_some_and(|found| found < bound),
                (Value::String(found), ..) => is(found, wanted),
                (Value::Null, ..) => wanted == "null",
                (other, ..) => is(&other.to_string(), wanted),
            }
        }
        toml::Value::Array(wanted) => found.as_array().is_some_and(|found| {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| agrees(found, wanted))
        }),
        _ => false,
    }
}

fn check_output(output: &Output, folder: &Path, done: &Done) -> Result<(), String> {
    let path = folder.join(&output.path);
    if output.absent {
        return if path.exists() { Err("it is there, and must not be".into()) } else { Ok(()) };
    }
    let bytes = if output.path == "-" {
        done.stdout.clone()
    } else {
        std::fs::read(&path).map_err(|error| error.to_string())?
    };
    if output.unchanged {
        let same = output.before.as_deref().unwrap_or_default().as_bytes() == bytes;
        return if same { Ok(()) } else { Err("it was changed".into()) };
    }
    if let Some(text) = &output.text
        && text.as_bytes() != bytes
    {
        return Err(format!("it is {:?}, expected {text:?}", String::from_utf8_lossy(&bytes)));
    }
    let text = String::from_utf8_lossy(&bytes);
    if let Some(lacking) = output.has.iter().find(|pattern| !contains(&text, pattern)) {
        return Err(format!("it lacks `{lacking}`: {text}"));
    }
    let wanted = output.table.is_some()
        || output.rows.is_some()
        || output.columns.is_some()
        || output.width.is_some()
        || output.types.is_some();
    if !wanted {
        return Ok(());
    }
    let name = if output.path == "-" { Path::new("stdout.csv") } else { &path };
    let actual = table::read(name, bytes, output.table.is_some())?;
    if let Some(text) = &output.table {
        let expected = table::delimited(text.trim_start_matches('\n').as_bytes(), b',')?;
        if let Some(difference) = compare::difference(&actual, &expected) {
            return Err(difference);
        }
    }
    if let Some(rows) = output.rows
        && rows != actual.count
    {
        return Err(format!("{} rows, expected {rows}", actual.count));
    }
    if let Some(columns) = &output.columns
        && *columns != actual.columns
    {
        return Err(format!("columns {:?}, expected {columns:?}", actual.columns));
    }
    if let Some(width) = output.width
        && width != actual.columns.len()
    {
        return Err(format!("{} columns, expected {width}", actual.columns.len()));
    }
    if let Some(types) = &output.types
        && Some(types) != actual.types.as_ref()
    {
        return Err(format!("types {:?}, expected {types:?}", actual.types));
    }
    Ok(())
}

/// Nothing half-written may stand beside an output.
fn check_folder(case: &Case, folder: &Path, wrong: &mut Vec<String>) {
    let known = |name: &str| {
        name == "block"
            || name == "script.py"
            || name == "script.R"
            || name == "options.json"
            || case.inputs.iter().any(|input| input.name == name)
            || case.outputs.iter().any(|output| Path::new(&output.path).starts_with(name))
            || case.args.iter().any(|argument| argument.contains(name))
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !known(&name) {
            wrong.push(format!("`{name}` was left in the folder"));
        }
    }
}

/// Whether `text` has the pattern; `…` stands for anything between its parts.
pub(crate) fn contains(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split('…').all(|part| {
        rest.find(part).is_some_and(|at| {
            rest = &rest[at + part.len()..];
            true
        })
    })
}

/// Whether `text` is the pattern from its start to its end.
fn is(text: &str, pattern: &str) -> bool {
    let (first, last) = (pattern.split('…').next().unwrap_or_default(), pattern.rsplit('…').next().unwrap_or_default());
    text.starts_with(first) && text.ends_with(last) && contains(text, pattern)
}
