//! The record of a run as its page shows it: tables, environment, policy, options, notes. Another version may have written
//! it: what is not known is left out.

use crate::page::table::{Place, Side, place};
use crate::page::words::{text, took};
use crate::problem::Problem;
use crate::web::Web;
use longshore::history::HistoryEntry;
use longshore::human::{count, size};
use longshore::serde_json::{Map, Value};
use longshore::{Limits, Note, Remedy};

/// A name, its value, and whether it is code.
pub(crate) type Fact = (&'static str, String);

/// A record.
#[derive(Debug, Default)]
pub(crate) struct RecordView {
    pub(crate) inputs: Vec<TableRow>,
    pub(crate) outputs: Vec<TableRow>,
    pub(crate) environment: Vec<Fact>,
    pub(crate) held: Vec<Fact>,
    pub(crate) limits: Vec<Fact>,
    pub(crate) loosened: Vec<String>,
    pub(crate) has_no_container: bool,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) call: Vec<(String, String)>,
    pub(crate) used: Vec<Fact>,
    /// What can be done about the outcome.
    pub(crate) advice: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) parts: Vec<Part>,
    /// The steps of a chain.
    pub(crate) steps: Vec<Part>,
    pub(crate) is_there: bool,
}

/// A table of a run.
#[derive(Debug)]
pub(crate) struct TableRow {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) rows: String,
    pub(crate) bytes: String,
    /// Whether its rows can be shown.
    pub(crate) is_there: bool,
    /// Whether it is kept by the host, and not in a file of its caller.
    pub(crate) is_kept: bool,
}

/// A part of a run that ran once for each value of a field.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) value: String,
    pub(crate) rows: u64,
    pub(crate) outcome: String,
    pub(crate) message: String,
    pub(crate) took: String,
}

impl RecordView {
    /// The record of a run, and which of its tables are still there.
    pub(crate) async fn of(web: &Web, run: &HistoryEntry) -> Result<Self, Problem> {
        let mut view = Self::default();
        let words = web.words;
        if let Some(record) = &run.record {
            view.is_there = true;
            view.take(record, words);
        }
        for (number, path) in run.inputs.iter().enumerate() {
            let Some(path) = path else { continue };
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let record = run.record.as_ref().and_then(|record| {
                record
                    .get("inputs")?
                    .as_array()?
                    .iter()
                    .find(|input| input["index"].as_u64() == Some(u64::from(number)))
            });
            let name = record.and_then(|input| input.get("name")?.as_str()).unwrap_or_default().to_owned();
            let is_there = place(web, run, Side::Input, number).await?.is_some();
            let (rows, bytes) = (String::new(), String::new());
            view.inputs.push(TableRow {
                number,
                name,
                path: path.display().to_string(),
                rows,
                bytes,
                is_there,
                is_kept: false,
            });
        }
        for output in &mut view.outputs {
            let found = place(web, run, Side::Output, output.number).await?;
            (output.is_there, output.is_kept) = (found.is_some(), matches!(found, Some(Place::Kept(_))));
        }
        Ok(view)
    }

    fn take(&mut self, record: &Value, words: fn(&Remedy) -> Option<String>) {
        let of = |pointer: &str| record.pointer(pointer).filter(|value| !value.is_null());
        let list = |name: &str| record.get(name).and_then(Value::as_array).into_iter().flatten();
        let remedy = |value: &Value| longshore::serde_json::from_value::<Remedy>(value.clone()).ok();
        self.outputs.extend(list("outputs").map(|output| table_row(output, true)));
        self.outputs.extend(list("unsaved").map(|output| table_row(output, false)));
        self.outputs.sort_by_key(|output| output.number);
        self.advice.extend(of("/remedy").and_then(remedy).and_then(|remedy| words(&remedy)));
        self.advice.extend(list("hints").filter_map(|hint| note(hint, words)));
        self.notes.extend(list("notes").filter_map(|found| note(found, words)));
        let named = |to: &mut Vec<Fact>, pairs: &[(&'static str, &str)]| {
            to.extend(pairs.iter().filter_map(|(name, pointer)| Some((*name, text(of(pointer)?)))));
        };
        named(
            &mut self.environment,
            &[
                ("Engine", "/engine"),
                ("Image", "/image"),
                ("Fingerprint", "/fingerprint"),
                ("Code", "/code_hash"),
                ("Packages as of", "/as_of"),
            ],
        );
        let constraints: Vec<String> = list("constraints").map(text).collect();
        if !constraints.is_empty() {
            self.environment.push(("Constraints", constraints.join(", ")));
        }
        self.has_no_container = of("/held").is_none();
        self.held(record);
        self.limits(record);
        self.loosened.extend(list("loosened").map(text));
        let pairs = |value: &Value| -> Vec<(String, String)> {
            let map = value.as_object().into_iter().flat_map(Map::iter);
            map.map(|(name, value)| (name.clone(), text(value))).collect()
        };
        self.options = of("/options").map(pairs).unwrap_or_default();
        for (name, key) in [("Argument", "arguments"), ("Variable", "environment"), ("Mount", "mounts")] {
            self.call.extend(list(key).map(|value| (name.to_owned(), text(value))));
        }
        if let Some(seconds) = of("/usage/cpu_seconds").and_then(Value::as_f64) {
            self.used.push(("Processor time", took(seconds * 1000.0)));
        }
        if let Some(bytes) = of("/usage/peak_memory_bytes").and_then(Value::as_u64) {
            self.used.push(("Most memory", size(bytes)));
        }
        named(&mut self.used, &[("Exit code", "/exit/code"), ("Signal", "/exit/signal")]);
        if let Some(left) = of("/left_behind").and_then(Value::as_u64).filter(|left| *left > 0) {
            self.used.push(("Processes left behind", left.to_string()));
        }
        self.parts.extend(list("partitions").map(part));
        self.steps.extend(list("steps").map(step));
    }

    fn held(&mut self, record: &Value) {
        let Some(held) = record.get("held").filter(|held| held.is_object()) else { return };
        let text_of = |pointer: &str| held.pointer(pointer).filter(|value| !value.is_null()).map(text);
        let has = |pointer: &str| held.pointer(pointer).and_then(Value::as_bool);
        let words = |is: bool| if is { "yes" } else { "no" }.to_owned();
        if record.get("fresh_container").and_then(Value::as_bool) == Some(true) {
            self.held.push(("Container", "new, used for this run alone".into()));
        }
        self.held
            .extend(text_of("/script/uid").map(|user| ("User of the script", format!("{user}, its own for this run"))));
        self.held.extend(has("/seccomp").map(|is| ("System calls are filtered", words(is))));
        self.held.extend(has("/user_namespace").map(|is| ("User namespace", words(is))));
        self.held.extend(has("/rootless").map(|is| ("Rootless engine", words(is))));
        let modules = held.get("security_modules").and_then(Value::as_array);
        if let Some(modules) = modules.filter(|modules| !modules.is_empty()) {
            let modules: Vec<String> = modules.iter().map(text).collect();
            self.held.push(("Security modules", modules.join(", ")));
        }
        for (name, pointer) in [("Runtime", "/runtime"), ("Engine's version", "/version"), ("Kernel", "/kernel")] {
            self.held.extend(text_of(pointer).map(|value| (name, value)));
        }
    }

    fn limits(&mut self, record: &Value) {
        self.limits.extend(record.get("network").map(|network| ("Network", text(network))));
        let limits =
            record.get("limits").cloned().and_then(|limits| longshore::serde_json::from_value::<Limits>(limits).ok());
        let Some(limits) = limits else { return };
        self.limits.push(("Memory", size(limits.memory_bytes)));
        self.limits.push(("Processors", limits.cpus.map_or_else(|| "all".to_owned(), |cpus| cpus.to_string())));
        self.limits.push(("Processes", limits.pids.to_string()));
        let time = limits.timeout.limit().map(|time| took(time.as_secs_f64() * 1000.0));
        self.limits.push(("Time", time.unwrap_or_else(|| "no limit".into())));
        self.limits.push(("Outputs", size(limits.output_bytes)));
        self.limits.push(("Log", size(limits.log_bytes)));
    }
}

/// A note with its advice, as text.
fn note(value: &Value, words: fn(&Remedy) -> Option<String>) -> Option<String> {
    let note: Note = longshore::serde_json::from_value(value.clone()).ok()?;
    let advice = note.remedy.as_ref().and_then(words);
    Some(advice.map_or_else(|| note.text.clone(), |advice| format!("{}: {advice}", note.text)))
}

fn table_row(output: &Value, is_saved: bool) -> TableRow {
    let number = |name: &str| output.get(name).and_then(Value::as_u64);
    let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let path = if is_saved { text("path") } else { "not saved to a file".into() };
    TableRow {
        number: number("index").and_then(|index| u32::try_from(index).ok()).unwrap_or_default(),
        name: text("id"),
        path,
        rows: number("rows").map(|rows| count(rows, "row")).unwrap_or_default(),
        bytes: number("bytes").map(size).unwrap_or_default(),
        is_there: false,
        is_kept: false,
    }
}

/// A step of a chain, with the rows that passed to it.
fn step(step: &Value) -> Part {
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    let passed = step.get("passed").and_then(Value::as_array).into_iter().flatten();
    Part {
        value: text("name").unwrap_or_default().to_owned(),
        rows: passed.filter_map(|table| table.get("rows").and_then(Value::as_u64)).sum(),
        outcome: text("outcome").unwrap_or("not run").replace('_', " "),
        message: text("message").unwrap_or_default().to_owned(),
        took: step.pointer("/timings_ms/run").and_then(Value::as_f64).map(took).unwrap_or_default(),
    }
}

fn part(part: &Value) -> Part {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    Part {
        value: text("value").unwrap_or("(no value)").to_owned(),
        rows: part.get("rows").and_then(Value::as_u64).unwrap_or_default(),
        outcome: text("outcome").unwrap_or_default().replace('_', " "),
        message: text("message").unwrap_or_default().to_owned(),
        took: part.get("total_ms").and_then(Value::as_f64).map(took).unwrap_or_default(),
    }
}
