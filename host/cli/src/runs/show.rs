//! `longshore runs show`.

use super::ending;
use super::list::as_json;
use crate::{help, printer};
use longshore::history::{HistoryEntry, RunHistory};
use longshore::human::{ago, count, size};
use longshore::shown::{Shown, Word};
use serde_json::Value;

/// Maximum width of a value: twenty lines of a wide terminal (200 columns).
const VALUE_COLUMNS: usize = 20 * 200;

/// Columns of the names before the values.
const NAME_WIDTH: usize = 10;

/// Shows a run.
pub(super) fn show(history: &RunHistory, run: &HistoryEntry, json: bool) -> u8 {
    if json {
        return printer::json(&as_json(run));
    }
    let mut lines = Lines(Shown::default());
    lines.add("run", &run.run_id);
    lines.add("block", &format!("{}, from {}", run.block, run.source.display()));
    lines.add("started", &ago(run.age()));
    lines.add("outcome", &ending(run));
    run.progress.iter().for_each(|part| lines.add("progress", &format!("{:.0} %", part * 100.0)));
    run.message.iter().for_each(|message| lines.add("message", message));
    run.record.as_ref().and_then(help::of_record).iter().for_each(|words| lines.add("help", words));
    let hints = run.record.as_ref().and_then(|record| record.get("hints")?.as_array());
    hints.into_iter().flatten().for_each(|hint| lines.add("hint", &help::note_in_record(hint)));
    for (number, input) in run.inputs.iter().enumerate() {
        if let Some(path) = input {
            lines.add(&format!("input {number}"), &path.display().to_string());
        }
    }
    if let Some(record) = &run.record {
        of_record(record, &mut lines);
    }
    // An unreadable log does not prevent the rest from being shown.
    let printed = history.log(run).unwrap_or_default();
    if !printed.is_empty() {
        let all = printed.iter().filter(|byte| **byte == b'\n').count() as u64;
        lines.add("log", &format!("{}: `longshore runs log {}` prints them", count(all, "line"), run.run_id));
    }
    printer::out(&lines.0)
}

/// The known parts of the record; another version may have written it.
fn of_record(record: &Value, lines: &mut Lines) {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| record.pointer(pointer).and_then(Value::as_f64);
    let list = |name: &str| record.get(name).and_then(Value::as_array).into_iter().flatten();
    for output in list("outputs") {
        let of = |name: &str| output.get(name).and_then(Value::as_u64).unwrap_or_default();
        let path = output.get("path").and_then(Value::as_str).unwrap_or_default();
        let value = format!("{}, {}, in {path}", count(of("rows"), "row"), size(of("bytes")));
        lines.add(&format!("output {}", of("index")), &value);
    }
    for output in list("unsaved") {
        let of = |name: &str| output.get(name).and_then(Value::as_u64).unwrap_or_default();
        lines.add(&format!("output {}", of("index")), &format!("{}, not saved", count(of("rows"), "row")));
    }
    if let Some(folder) = text("/kept/folder") {
        lines.add("kept", folder);
    }
    let image = text("/image").map(|image| image.trim_start_matches("sha256:").chars().take(12).collect::<String>());
    let engine = text("/engine").unwrap_or("unknown");
    lines.add("engine", &image.map_or_else(|| engine.to_owned(), |image| format!("{engine}, image {image}")));
    match (text("/pool/result"), text("/pool/why")) {
        (Some("hit"), _) => lines.add("interpreter", "waited for the run, in a container that nothing had used"),
        (_, Some(why)) => lines.add("interpreter", &format!("started for the run: {why}")),
        _ => {}
    }
    if let Some(total) = number("/timings_ms/total") {
        let part = |name: &str| number(&format!("/timings_ms/{name}")).unwrap_or_default() / 1000.0;
        let parts = ["environment", "start", "run", "publish"].map(|name| format!("{name} {:.2} s", part(name)));
        lines.add("time", &format!("{:.2} s: {}", total / 1000.0, parts.join(", ")));
    }
    if let (Some(cpu), Some(memory)) = (number("/usage/cpu_seconds"), record.pointer("/usage/peak_memory_bytes")) {
        lines.add("used", &format!("{cpu:.2} s of CPU time, {} of memory", size(memory.as_u64().unwrap_or_default())));
    }
    if let Some(network) = text("/network") {
        lines.add("network", network);
    }
    list("mounts").filter_map(Value::as_str).for_each(|mount| lines.add("mount", mount));
    for (name, value) in record.get("options").and_then(Value::as_object).into_iter().flatten() {
        lines.add("option", &format!("{name} = {value}"));
    }
    for (name, key) in [("argument", "arguments"), ("variable", "environment")] {
        list(key).filter_map(Value::as_str).for_each(|value| lines.add(name, value));
    }
    for part in list("partitions") {
        let of = |name: &str| part.get(name).and_then(Value::as_str);
        let message = of("message").map(|message| format!(": {message}")).unwrap_or_default();
        let outcome = of("outcome").unwrap_or_default().replace('_', " ");
        lines.add("partition", &format!("`{}` {outcome}{message}", of("value").unwrap_or("(null)")));
        help::of_record(part).iter().for_each(|words| lines.add("help", words));
    }
    for step in list("steps") {
        let of = |name: &str| step.get(name).and_then(Value::as_str);
        let outcome = of("outcome").unwrap_or("not run").replace('_', " ");
        let message = of("message").map(|message| format!(": {message}")).unwrap_or_default();
        lines.add("step", &format!("`{}` {outcome}{message}", of("name").unwrap_or_default()));
        help::of_record(step).iter().for_each(|words| lines.add("help", words));
        for table in step.get("passed").and_then(Value::as_array).into_iter().flatten() {
            let rows = table.get("rows").and_then(Value::as_u64).map_or("nothing".into(), |rows| count(rows, "row"));
            let from = table.get("from").and_then(Value::as_str).unwrap_or_default();
            lines.add("  got", &format!("{rows} from `{from}`"));
            for column in table.get("changed").and_then(Value::as_array).into_iter().flatten() {
                let of = |name: &str| column.get(name).and_then(Value::as_str).unwrap_or_default();
                lines.add("  column", &format!("`{}`: {} became {}", of("name"), of("from"), of("to")));
            }
        }
    }
    for (name, pointer) in [("code", "/code_hash"), ("packages", "/fingerprint")] {
        text(pointer).into_iter().for_each(|hash| lines.add(name, hash));
    }
    list("notes").for_each(|note| lines.add("note", &help::note_in_record(note)));
}

/// Names and values, in lines.
struct Lines(Shown);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name:<NAME_WIDTH$} {}", Word::message(value, VALUE_COLUMNS)));
    }
}
