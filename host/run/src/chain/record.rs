//! The end of a chain: the outputs of all steps are published together if all succeeded, and one record has each step's.

use super::check::{Inbound, PreparedStep};
use crate::output::{Declared, Finished, Target};
use crate::record::{ChangedColumn, InputRecord, OutputRecord, PassedRecord, RunRecord, StepRecord, Timings};
use crate::single::{Published, milliseconds, publish};
use longshore_config::settings::Settings;
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::event::{Event, Events};
use longshore_model::note::Note;
use longshore_model::outcome::Outcome;
use std::collections::BTreeMap;
use std::time::Instant;

/// What is recorded of a table that has passed.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) changed: Vec<(String, [String; 2])>,
}

/// The steps of a chain after its end.
pub(super) struct Ended {
    pub(super) names: Vec<String>,
    blocks: Vec<String>,
    pub(super) inbound: Vec<Vec<Inbound>>,
    inputs: Vec<Vec<InputRecord>>,
    declared: Vec<Declared>,
    /// The records of the steps that ran.
    pub(super) records: Vec<Option<RunRecord>>,
    /// The outputs that are not passed on, each with the position of its step.
    pub(super) finished: Vec<(usize, Finished)>,
    /// The tables that passed, by step and output.
    pub(super) passed: BTreeMap<(usize, u32), Sizes>,
    /// The step that ended the others.
    pub(super) failed: Option<usize>,
}

impl Ended {
    /// Before any has ended.
    pub(super) fn new(steps: &[PreparedStep]) -> Self {
        // What comes from other steps is in the records of the steps.
        let outer = |step: &PreparedStep| {
            let is_outer = |input: &&InputRecord| step.inbound.iter().all(|table| table.input != input.index);
            step.prepared.input_records.iter().filter(is_outer).cloned().collect()
        };
        Self {
            names: steps.iter().map(|step| step.name.clone()).collect(),
            blocks: steps.iter().map(|step| step.prepared.block.name.clone()).collect(),
            inbound: steps.iter().map(|step| step.inbound.clone()).collect(),
            inputs: steps.iter().map(outer).collect(),
            declared: steps.iter().map(|step| step.prepared.outputs.clone()).collect(),
            records: steps.iter().map(|_| None).collect(),
            finished: Vec::new(),
            passed: BTreeMap::new(),
            failed: None,
        }
    }

    /// Publishes all outputs together. Returns them by step.
    async fn publish(
        &mut self,
        run_id: &str,
        settings: &Settings,
        cancel: &Cancel,
    ) -> Result<(Vec<(usize, OutputRecord)>, Vec<String>), (Outcome, String)> {
        let mut places: Vec<(usize, u32)> = Vec::new();
        let mut targets: Vec<Option<Target>> = Vec::new();
        let mut finished = Vec::new();
        for (step, mut output) in std::mem::take(&mut self.finished) {
            let target = self.declared[step].targets.get(output.index as usize).cloned().flatten();
            places.push((step, output.index));
            output.index = u32::try_from(targets.len()).unwrap_or(u32::MAX);
            targets.push(target);
            finished.push(output);
        }
        let declared = Declared { ids: None, targets };
        let published = publish(&declared, finished, run_id, settings, cancel).await;
        let Published { outputs, notes } = published.map_err(|failed| (failed.outcome, failed.reason))?;
        let back = |mut output: OutputRecord| {
            let (step, index) = *places.get(output.index as usize)?;
            output.index = index;
            output.id = self.declared[step].ids.iter().flatten().nth(index as usize).cloned();
            Some((step, output))
        };
        Ok((outputs.into_iter().filter_map(back).collect(), notes))
    }

    /// Tells of the outputs that nobody asked for.
    fn tell_unsaved(&self, events: &Events) {
        for (step, output) in &self.finished {
            if let (Some(unsaved), Some(preview)) = (self.declared[*step].unsaved(output), output.preview.clone()) {
                let (index, id, rows) = (unsaved.index, unsaved.id, unsaved.rows);
                events.tell(Event::Unsaved { index, id, rows, preview });
            }
        }
    }

    fn step(&self, position: usize) -> StepRecord {
        let record = self.records[position].as_ref();
        let passed = self.inbound[position].iter().map(|table| {
            let place = (table.from, table.output);
            let sizes = self.passed.get(&place);
            let changed = sizes.iter().flat_map(|sizes| sizes.changed.clone());
            let changed = changed.map(|(name, [from, to])| ChangedColumn { name, from, to });
            PassedRecord {
                from: self.names[table.from].clone(),
                output: table.output,
                input: table.input,
                rows: sizes.map(|sizes| sizes.rows),
                bytes: sizes.map(|sizes| sizes.bytes),
                changed: changed.collect(),
            }
        });
        let not_run = || match self.failed {
            Some(failed) => format!("not run: step `{}` had failed", self.names[failed]),
            None => "not run: the chain was cancelled".into(),
        };
        StepRecord {
            name: self.names[position].clone(),
            block: self.blocks[position].clone(),
            run_id: record.map(|record| record.run_id.clone()),
            outcome: record.map(|record| record.outcome),
            message: record.map_or_else(|| Some(not_run()), |record| record.message.clone()),
            remedy: record.and_then(|record| record.remedy.clone()),
            engine: record.map(|record| record.engine),
            image: record.and_then(|record| record.image.clone()),
            timings_ms: record.map_or_else(Timings::default, |record| record.timings_ms),
            usage: record.and_then(|record| record.usage),
            options: record.map_or(serde_json::Value::Null, |record| record.options.clone()),
            passed: passed.collect(),
            outputs: Vec::new(),
        }
    }
}

/// Publishes the outputs if all steps succeeded, and makes the record.
pub(super) async fn conclude(
    mut ended: Ended,
    run_id: String,
    settings: &Settings,
    events: &Events,
    cancel: &Cancel,
) -> RunRecord {
    let succeeded =
        ended.records.iter().all(|record| record.as_ref().is_some_and(|record| record.outcome.is_success()));
    let failed = ended.failed.and_then(|failed| Some((failed, ended.records[failed].as_ref()?)));
    let (mut outcome, mut message, remedy) = match failed {
        _ if succeeded => (Outcome::Succeeded, last_message(&ended), None),
        _ if cancel.level() != CancelLevel::None => (Outcome::Interrupted, Some("cancelled from outside".into()), None),
        Some((step, record)) => {
            let reason = record.message.as_deref().unwrap_or("it gave no reason");
            (record.outcome, Some(format!("step `{}`: {reason}", ended.names[step])), record.remedy.clone())
        }
        None => (Outcome::EngineFailed, Some("a step ended early".into()), None),
    };
    let hints = failed.map(|(_, record)| record.hints.clone()).unwrap_or_default();
    let mut steps: Vec<StepRecord> = (0..ended.names.len()).map(|position| ended.step(position)).collect();
    let mut record = whole(&ended, run_id);
    if succeeded {
        let publishing = Instant::now();
        events.tell(Event::Publishing);
        ended.tell_unsaved(events);
        let notes: Vec<String> = ended
            .finished
            .iter()
            .flat_map(|(step, output)| output.all_notes().map(|note| format!("[{}] {note}", ended.names[*step])))
            .collect();
        record.notes.extend(notes.into_iter().map(Note::from));
        match ended.publish(&record.run_id, settings, cancel).await {
            Ok((outputs, notes)) => {
                for (step, output) in outputs {
                    steps[step].outputs.push(output.clone());
                    record.outputs.push(output);
                }
                record.notes.extend(notes.into_iter().map(Note::from));
            }
            Err((failed, reason)) => (outcome, message) = (failed, Some(reason)),
        }
        record.timings_ms.publish = milliseconds(publishing.elapsed());
    }
    (record.outcome, record.message, record.remedy, record.hints) = (outcome, message, remedy, hints);
    record.steps = Some(steps);
    record
}

/// The message of the last step that has one.
fn last_message(ended: &Ended) -> Option<String> {
    ended.records.iter().rev().flatten().find_map(|record| record.message.clone())
}

/// The record of the whole chain: fields that a single run has are those of its first step, sums where there are sums.
fn whole(ended: &Ended, run_id: String) -> RunRecord {
    let mut ran = ended.records.iter().zip(&ended.names).filter_map(|(record, name)| Some((record.as_ref()?, name)));
    let (first, name) = ran.next().expect("a step that waits for no other runs in any case");
    let named = |note: &Note, name: &str| Note::new(format!("[{name}] {}", note.text), note.remedy.clone());
    let mut record = first.clone();
    record.notes = first.notes.iter().map(|note| named(note, name)).collect();
    for (step, name) in ran {
        record.notes.extend(step.notes.iter().map(|note| named(note, name)));
        for relaxation in &step.loosened {
            if !record.loosened.contains(relaxation) {
                record.loosened.push(relaxation.clone());
            }
        }
        record.unsaved.extend(step.unsaved.iter().cloned());
        record.mounts.extend(step.mounts.iter().filter(|mount| !first.mounts.contains(mount)).cloned());
        if let (Some(sum), Some(usage)) = (&mut record.usage, &step.usage) {
            sum.cpu_seconds += usage.cpu_seconds;
            sum.wall_seconds += usage.wall_seconds;
            sum.peak_memory_bytes = sum.peak_memory_bytes.max(usage.peak_memory_bytes);
        }
        record.dropped_log_bytes.stdout += step.dropped_log_bytes.stdout;
        record.dropped_log_bytes.stderr += step.dropped_log_bytes.stderr;
        record.left_behind += step.left_behind;
    }
    record.run_id = run_id;
    record.block = ended.names.join(", ");
    record.exit = None;
    record.inputs = ended.inputs.iter().flatten().cloned().collect();
    record.outputs = Vec::new();
    let options = ended.records.iter().zip(&ended.names);
    let options = options.filter_map(|(record, name)| Some((name.clone(), record.as_ref()?.options.clone())));
    record.options = serde_json::Value::Object(options.collect());
    record
}
