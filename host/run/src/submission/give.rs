//! The caller's side: a request becomes a submission. Relative paths stay so, and start from the working folder.

use super::{Along, NotSubmitted};
use crate::request::{CHUNK_ROWS, InputSource, InputSpec, Mount, OutputSpec, OutputTarget, RunRequest};
use longshore_block::GivenValue;
use longshore_model::engine_kind::EngineChoice;
use longshore_model::limits::{Limits, TimeLimit};
use longshore_model::network::Network;
use longshore_model::table::{BadRows, FileFormat};
use longshore_protocol::limits::MESSAGE_MAX;
use longshore_protocol::{
    FromCaller, Message, OutputName, Submission, SubmittedBlock, SubmittedInput, SubmittedLimits, SubmittedMount,
    SubmittedName, SubmittedOutput, SubmittedPartition, SubmittedTable, SubmittedValue,
};
use longshore_segment::Segment;
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::Path;

/// The submission of a request, and what is sent along. The folder for temporary files is the host's.
///
/// # Errors
/// [`NotSubmitted`]: a source or target that only this process has, a path that is not UTF-8, or too much for a message.
pub fn submitted(request: &RunRequest) -> Result<(Submission, Along), NotSubmitted> {
    if !request.recorded {
        return Err(NotSubmitted("it is not to be recorded".into()));
    }
    if request.working_folder.is_none() {
        return Err(NotSubmitted("its current folder is unknown".into()));
    }
    let mut along = Along::default();
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (input, position) in request.inputs.iter().zip(0..) {
        inputs.push(given_input(input, position, &mut along)?);
    }
    let mut outputs = Vec::with_capacity(request.outputs.len());
    for (output, position) in request.outputs.iter().zip(0..) {
        outputs.push(given_output(output, position, &mut along)?);
    }
    let mount = |mount: &Mount| Ok(SubmittedMount { path: path(&mount.path)?, writable: mount.writable });
    let submission = Submission {
        block: SubmittedBlock::Path(path(&request.block)?),
        inputs,
        outputs,
        others: request.others.is_some(),
        options: request.options.iter().map(|(name, value)| (name.clone(), given_value(value))).collect(),
        arguments: request.arguments.clone(),
        environment: request.environment.clone(),
        engine: (request.engine != EngineChoice::default()).then(|| request.engine.name().to_owned()),
        image: request.image.clone(),
        as_of: request.as_of.as_ref().map(ToString::to_string),
        constraints: request.constraints.iter().map(ToString::to_string).collect(),
        network: (request.network != Network::default()).then(|| request.network.to_string()),
        mounts: request.mounts.iter().map(mount).collect::<Result<_, _>>()?,
        allowed: request.allowed.iter().map(|folder| path(folder)).collect::<Result<_, _>>()?,
        keep: request.keep.as_deref().map(path).transpose()?,
        working_folder: request.working_folder.as_deref().map(path).transpose()?,
        limits: given_limits(&request.limits),
        chunk_rows: (request.chunk_rows != CHUNK_ROWS).then_some(request.chunk_rows),
        partition: request.partition.as_ref().map(|spec| SubmittedPartition {
            field: spec.field.clone(),
            jobs: u32::try_from(spec.jobs).unwrap_or(u32::MAX),
            keep_going: spec.keep_going,
        }),
        bad_rows: request.bad_rows.map(bad_rows_name),
        hashes: request.hashes,
    };
    bounded(&FromCaller::Submit(Box::new(submission.clone())))?;
    Ok((submission, along))
}

/// Checks that a message can be sent.
pub(super) fn bounded(message: &FromCaller) -> Result<(), NotSubmitted> {
    if message.to_json().len() > MESSAGE_MAX {
        return Err(NotSubmitted(format!("it has more than {MESSAGE_MAX} bytes without its tables")));
    }
    Ok(())
}

fn given_input(input: &InputSpec, position: u32, along: &mut Along) -> Result<SubmittedInput, NotSubmitted> {
    let recorded = input.recorded.to_str().filter(|recorded| *recorded != input.called).map(str::to_owned);
    let named = SubmittedName { called: input.called.clone(), recorded };
    let unshared = |error: &dyn std::fmt::Display| NotSubmitted(format!("input {position}: {error}"));
    let table = match &input.source {
        InputSource::Path(file) => SubmittedTable::Path(path(file)?),
        InputSource::File(file) => {
            along.sources.push((position, file.try_clone().map_err(|error| unshared(&error))?));
            SubmittedTable::Open(named)
        }
        InputSource::Segment(segment) => {
            let shared = segment.share().and_then(|descriptor| Segment::receive(descriptor, segment.length()));
            along.tables.push((position, shared.map_err(|error| unshared(&error))?));
            SubmittedTable::Memory(named)
        }
        InputSource::Reader(_) | InputSource::Batches { .. } | InputSource::BatchReader(_) | InputSource::Connected => {
            return Err(unshared(&"its table is in this process alone"));
        }
    };
    let number = input.number.and_then(|number| u32::try_from(number).ok()).map(OutputName::Number);
    let to = input.name.clone().map(OutputName::Id).or(number);
    Ok(SubmittedInput { to, table, format: input.format.map(FileFormat::name), read: keys(&input.read) })
}

fn given_output(output: &OutputSpec, position: u32, along: &mut Along) -> Result<SubmittedOutput, NotSubmitted> {
    let unshared = |error: &dyn std::fmt::Display| NotSubmitted(format!("output {position}: {error}"));
    let table = match &output.target {
        OutputTarget::Path(file) => SubmittedTable::Path(path(file)?),
        OutputTarget::File(file) => {
            along.sinks.push((position, file.try_clone().map_err(|error| unshared(&error))?));
            SubmittedTable::Open(output.called.as_str().into())
        }
        OutputTarget::Segment(_) | OutputTarget::Batches(_) | OutputTarget::Writer(_) => {
            return Err(unshared(&"its target is in this process alone"));
        }
    };
    let format = output.format.map(FileFormat::name);
    Ok(SubmittedOutput { of: output.name.clone(), table, format, write: keys(&output.write) })
}

fn given_value(value: &GivenValue) -> SubmittedValue {
    match value {
        GivenValue::Text(text) => SubmittedValue::Text(text.clone()),
        GivenValue::Json(value) => SubmittedValue::Json(value.clone()),
    }
}

fn given_limits(limits: &Limits) -> SubmittedLimits {
    let usual = Limits::default();
    SubmittedLimits {
        memory_bytes: (limits.memory_bytes != usual.memory_bytes).then_some(limits.memory_bytes),
        cpus: limits.cpus,
        pids: (limits.pids != usual.pids).then_some(limits.pids),
        timeout_ms: match limits.timeout {
            TimeLimit::Default => None,
            TimeLimit::None => Some(0),
            TimeLimit::After(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)),
        },
    }
}

fn bad_rows_name(bad_rows: BadRows) -> String {
    let Ok(Value::String(name)) = serde_json::to_value(bad_rows) else { return String::new() };
    name
}

fn keys(options: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(keys)) => keys,
        _ => Map::new(),
    }
}

/// A path as text, as the caller has it: it is shown so.
fn path(path: &Path) -> Result<String, NotSubmitted> {
    let text = path.to_str().ok_or_else(|| NotSubmitted(format!("`{}`: the path is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}
