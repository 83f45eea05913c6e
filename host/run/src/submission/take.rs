//! The host's side: a submission becomes a request. Whatever it says is checked here or by the request's own check; what
//! was announced and not sent, or sent and not announced, is an error.

use super::{Along, SubmissionError};
use crate::cut::PartitionSpec;
use crate::output::{OtherOutputs, OutputHandle};
use crate::request::{InputSpec, Mount, OutputSpec, RunRequest};
use longshore_block::GivenValue;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::limits::{Limits, TimeLimit};
use longshore_model::table::{BadRows, FileFormat};
use longshore_protocol::{
    OutputName, Submission, SubmittedBlock, SubmittedInput, SubmittedLimits, SubmittedName, SubmittedOutput,
    SubmittedTable, SubmittedValue, is_file_path,
};
use longshore_segment::Segment;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A request, and the handles of the tables that it returns, by the output's position in the submission.
#[derive(Debug)]
pub struct Taken {
    /// The request.
    pub request: RunRequest,
    /// The tables that the run returns.
    pub tables: Vec<(u32, OutputHandle<Segment>)>,
    /// The tables of outputs without a target, by their number, if they are asked for.
    pub others: Option<OtherOutputs>,
}

/// The request of a submission.
///
/// # Errors
/// [`SubmissionError`] names the key and what is wrong.
pub fn requested(submission: Submission, mut along: Along) -> Result<Taken, SubmissionError> {
    let Submission {
        block,
        inputs,
        outputs,
        others,
        options,
        arguments,
        environment,
        engine,
        image,
        as_of,
        constraints,
        network,
        mounts,
        allowed,
        keep,
        working_folder,
        limits,
        chunk_rows,
        partition,
        bad_rows,
        hashes,
    } = submission;
    let is_placed = working_folder.is_some();
    let placed = |key: &str, path: String| checked_path(key, path, is_placed);
    let mut request = RunRequest::new(found(block, along.folder.take(), &placed)?);
    for (input, position) in inputs.into_iter().zip(0..) {
        request.inputs.push(taken_input(input, position, &mut along, &placed)?);
    }
    let mut tables = Vec::new();
    for (output, position) in outputs.into_iter().zip(0..) {
        let (output, handle) = taken_output(output, position, &mut along, &placed)?;
        request.outputs.push(output);
        tables.extend(handle.map(|handle| (position, handle)));
    }
    let left =
        along.sources.iter().map(|(at, _)| ("input", at)).chain(along.tables.iter().map(|(at, _)| ("input", at)));
    if let Some((what, at)) = left.chain(along.sinks.iter().map(|(at, _)| ("output", at))).next() {
        return Err(SubmissionError(format!("{what} {at} was sent along twice, or was not announced")));
    }
    request.others = others.then(OtherOutputs::default);
    request.options = options.into_iter().map(|(name, value)| (name, taken_value(value))).collect();
    request.arguments = arguments;
    request.environment = environment;
    if let Some(name) = engine {
        let wrong = || wrong("engine", &name, "there is no such engine");
        request.engine = EngineChoice::named(&name).ok_or_else(wrong)?;
    }
    request.image = image;
    request.as_of = parsed("as_of", as_of.as_deref())?;
    request.constraints = constraints
        .iter()
        .map(|text| text.parse().map_err(|error| wrong("constraints", text, &error)))
        .collect::<Result<_, _>>()?;
    request.network = parsed("network", network.as_deref())?.unwrap_or_default();
    request.mounts = mounts
        .into_iter()
        .map(|mount| {
            let path = placed("mounts", mount.path)?;
            Ok(if mount.writable { Mount::writable(path) } else { Mount::read_only(path) })
        })
        .collect::<Result<_, _>>()?;
    request.allowed = allowed.into_iter().map(|folder| placed("allowed", folder)).collect::<Result<_, _>>()?;
    request.keep = keep.map(|folder| placed("keep", folder)).transpose()?;
    request.working_folder = working_folder.map(|folder| checked_path("working_folder", folder, false)).transpose()?;
    request.limits = taken_limits(limits);
    request.chunk_rows = chunk_rows.unwrap_or(request.chunk_rows);
    request.partition = partition.map(|given| {
        let jobs = usize::try_from(given.jobs).unwrap_or(usize::MAX);
        PartitionSpec::new(given.field).jobs(jobs).keep_going(given.keep_going)
    });
    let named = |name: &String| BadRows::named(name).map_err(|error| wrong("bad_rows", name, &error));
    request.bad_rows = bad_rows.as_ref().map(named).transpose()?;
    request.hashes = hashes;
    let others = request.others.clone();
    Ok(Taken { request, tables, others })
}

/// The block's path: its own, or that of the files that were sent along.
fn found(block: SubmittedBlock, folder: Option<PathBuf>, placed: Placed<'_>) -> Result<PathBuf, SubmissionError> {
    match (block, folder) {
        (SubmittedBlock::Path(path), None) => placed("block", path),
        (SubmittedBlock::Path(_), Some(_)) => {
            Err(SubmissionError("the block is a path of this machine, and files of it were sent along".into()))
        }
        (SubmittedBlock::Files { .. }, None) => Err(SubmissionError("no file of the block was sent along".into())),
        (SubmittedBlock::Files { script: None, .. }, Some(folder)) => Ok(folder),
        (SubmittedBlock::Files { script: Some(script), .. }, Some(folder)) => {
            if !is_file_path(&script) {
                return Err(wrong("script", &script, "it is not a path below the block's folder"));
            }
            Ok(folder.join(script))
        }
    }
}

fn taken_input(
    input: SubmittedInput,
    position: u32,
    along: &mut Along,
    placed: Placed<'_>,
) -> Result<InputSpec, SubmissionError> {
    let missing = || SubmissionError(format!("the table of input {position} was announced and not sent along"));
    let mut spec = match input.table {
        SubmittedTable::Path(path) => InputSpec::path(placed("inputs", path)?),
        SubmittedTable::Open(name) => {
            let file = taken(&mut along.sources, position).ok_or_else(missing)?;
            named(InputSpec::file(file), name)
        }
        SubmittedTable::Memory(name) => {
            named(InputSpec::segment(taken(&mut along.tables, position).ok_or_else(missing)?), name)
        }
    };
    match input.to {
        Some(OutputName::Number(number)) => spec.number = usize::try_from(number).ok(),
        Some(OutputName::Id(name)) => spec.name = Some(name),
        None => {}
    }
    spec.format = format(input.format.as_deref())?;
    spec.read = options("read", input.read)?;
    Ok(spec)
}

fn named(spec: InputSpec, name: SubmittedName) -> InputSpec {
    let spec = spec.called(name.called);
    match name.recorded {
        Some(recorded) => spec.recorded_as(recorded),
        None => spec,
    }
}

fn taken_output(
    output: SubmittedOutput,
    position: u32,
    along: &mut Along,
    placed: Placed<'_>,
) -> Result<(OutputSpec, Option<OutputHandle<Segment>>), SubmissionError> {
    let given = format(output.format.as_deref())?;
    let (mut spec, handle) = match output.table {
        SubmittedTable::Path(path) => (OutputSpec::path(placed("outputs", path)?), None),
        SubmittedTable::Open(name) => {
            let missing = || SubmissionError(format!("the file of output {position} was announced and not sent along"));
            let file = taken(&mut along.sinks, position).ok_or_else(missing)?;
            let format = given.ok_or_else(|| SubmissionError(format!("output {position} needs a format")))?;
            (OutputSpec::file(file, format).called(name.called), None)
        }
        SubmittedTable::Memory(name) => {
            let (spec, handle) = OutputSpec::segment();
            (spec.called(name.called), Some(handle))
        }
    };
    spec.name = output.of;
    spec.format = given;
    spec.write = options("write", output.write)?;
    Ok((spec, handle))
}

fn taken<T>(all: &mut Vec<(u32, T)>, position: u32) -> Option<T> {
    let at = all.iter().position(|(number, _)| *number == position)?;
    Some(all.remove(at).1)
}

fn taken_value(value: SubmittedValue) -> GivenValue {
    match value {
        SubmittedValue::Text(text) => GivenValue::Text(text),
        SubmittedValue::Json(value) => GivenValue::Json(value),
    }
}

fn taken_limits(given: SubmittedLimits) -> Limits {
    let mut limits = Limits::default();
    limits.memory_bytes = given.memory_bytes.unwrap_or(limits.memory_bytes);
    limits.cpus = given.cpus;
    limits.pids = given.pids.unwrap_or(limits.pids);
    limits.timeout = match given.timeout_ms {
        None => TimeLimit::Default,
        Some(0) => TimeLimit::None,
        Some(milliseconds) => TimeLimit::After(Duration::from_millis(milliseconds)),
    };
    limits
}

fn format(name: Option<&str>) -> Result<Option<FileFormat>, SubmissionError> {
    parsed("format", name)
}

fn parsed<T: std::str::FromStr<Err: Display>>(key: &str, text: Option<&str>) -> Result<Option<T>, SubmissionError> {
    text.map(|text| text.parse().map_err(|error| wrong(key, text, &error))).transpose()
}

fn options<T: DeserializeOwned>(key: &str, keys: Map<String, Value>) -> Result<T, SubmissionError> {
    serde_json::from_value(Value::Object(keys)).map_err(|error| SubmissionError(format!("`{key}`: {error}")))
}

/// Checks a path.
type Placed<'a> = &'a dyn Fn(&str, String) -> Result<PathBuf, SubmissionError>;

/// Relative paths start from the caller's current folder, if it is known.
fn checked_path(key: &str, path: String, is_placed: bool) -> Result<PathBuf, SubmissionError> {
    if path.contains('\0') {
        return Err(wrong(key, &path.replace('\0', "\\0"), "a path has no NUL byte"));
    }
    if Path::new(&path).is_absolute() || is_placed {
        return Ok(path.into());
    }
    Err(wrong(key, &path, "it is not an absolute path, and the caller names no current folder"))
}

fn wrong(key: &str, text: &str, reason: impl Display) -> SubmissionError {
    SubmissionError(format!("`{key}`: `{text}`: {reason}"))
}
