//! `longshore run`.

use crate::arguments::{self, RunArguments};
use crate::console::Console;
use crate::peek::glance_text;
use crate::signals::{INTERRUPTED, Signals};
use crate::{BAD_INPUT, check, failure};
use longshore::block::{Block, GivenValue};
use longshore::small_file;
use longshore::{Cancel, Limits, Outcome, PartitionSpec, RunSpec, Settings, SpecError};
use std::num::NonZeroUsize;
use std::path::Path;

/// Runs a block, and gives the exit status back.
pub(crate) async fn run(arguments: RunArguments, settings: &Settings) -> u8 {
    let (json, quiet) = (arguments.json, arguments.quiet);
    let spec = match spec(arguments) {
        Ok(spec) => spec,
        Err(reason) => return failure::print_text(&reason, BAD_INPUT),
    };
    let cancel = Cancel::new();
    let signals = Signals::cancelling(&cancel);
    let prepared = tokio::task::spawn_blocking(|| spec.prepare());
    let prepared = tokio::select! {
        prepared = prepared => prepared,
        // Standard input may keep the check waiting for ever.
        () = cancel.wait() => return INTERRUPTED,
    };
    let prepared = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return bad_input(&error),
        Err(_) => return failure::print_text("checking the run broke: this is a bug of longshore", 3),
    };
    let (events, happened) = longshore::events();
    let console = tokio::spawn(Console::new(quiet).watch(happened));
    let record = longshore::run(prepared, settings, events, &cancel).await;
    drop(signals);
    if let Ok(console) = console.await {
        console.finish(&record);
    }
    if json {
        match serde_json::to_string(&record) {
            Ok(text) => drop(check::print(&format!("{text}\n"))),
            Err(error) => return failure::print(&error, 3),
        }
    }
    match record.outcome {
        Outcome::Cancelled => settings.runs.cancelled_status,
        outcome => outcome.exit_status(),
    }
}

fn bad_input(error: &SpecError) -> u8 {
    let seen: String =
        error.glances().map(|(number, glance)| glance_text(&format!("input {number}: "), glance)).collect();
    failure::print_after(&seen, error, BAD_INPUT)
}

fn spec(arguments: RunArguments) -> Result<RunSpec, String> {
    let mut spec = RunSpec::new(arguments.block);
    spec.inputs = arguments.inputs.iter().map(|text| arguments::input(text, arguments.format)).collect();
    if !arguments.read.is_empty() {
        // What is wrong with the block, its check says.
        let loaded = Block::load(&spec.block).ok();
        let names: Vec<&str> = loaded.iter().flat_map(|loaded| loaded.block.input_names()).collect();
        arguments.read.iter().try_for_each(|text| arguments::read(&mut spec.inputs, text, &names))?;
    }
    spec.outputs = arguments.outputs.iter().map(|text| arguments::output(text, arguments.format)).collect();
    arguments.write.iter().try_for_each(|text| arguments::write(&mut spec.outputs, text))?;
    if spec.inputs.iter().filter(|input| input.path == Path::new("-")).count() > 1 {
        return Err("standard input can be one input only".into());
    }
    if arguments.json && spec.outputs.iter().any(|output| output.path == Path::new("-")) {
        return Err("`--json` and `-o -` both want standard output: give the output a file".into());
    }
    if let Some(file) = &arguments.options_file {
        spec.options = options_file(file)?;
    }
    for text in &arguments.options {
        let (name, value) = arguments::option(text)?;
        // The command line comes on top of the file.
        let from_file = |(known, value): &(String, GivenValue)| *known == name && matches!(value, GivenValue::Json(_));
        spec.options.retain(|option| !from_file(option));
        spec.options.push((name, value));
    }
    spec.engine = arguments.engine.into();
    spec.image = arguments.image;
    spec.network = arguments.network;
    spec.mounts = arguments.mounts;
    spec.chunk_rows = arguments.chunk_rows;
    spec.bad_rows = arguments.on_bad_row;
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    spec.partition = arguments.partition_by.map(|field| PartitionSpec {
        field,
        jobs: arguments.jobs.unwrap_or_else(processors).get(),
        keep_going: arguments.keep_going,
    });
    spec.allowed = arguments.allowed;
    spec.keep = arguments.keep;
    spec.hashes = arguments.json;
    let defaults = Limits::default();
    spec.limits = Limits {
        memory_bytes: arguments.memory.unwrap_or(defaults.memory_bytes),
        cpus: arguments.cpus.or(defaults.cpus),
        pids: arguments.pids.unwrap_or(defaults.pids),
        timeout: arguments.timeout.or(defaults.timeout),
        ..defaults
    };
    Ok(spec)
}

fn options_file(path: &Path) -> Result<Vec<(String, GivenValue)>, String> {
    let shown = path.display();
    let text = small_file::read_text(path, small_file::WRITTEN_MAX)
        .map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let values: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        format!("`{shown}`, line {}, column {}: {reason}", error.line(), error.column())
    })?;
    match values {
        serde_json::Value::Object(values) => {
            Ok(values.into_iter().map(|(name, value)| (name, GivenValue::Json(value))).collect())
        }
        _ => Err(format!("`{shown}` must hold a JSON object: option names and their values")),
    }
}
