//! Running a block once for each value of a field of input 0, several at a time: each part is a run of its own; their
//! outputs are joined in order of first appearance and published together.

mod merge;
mod relay;
mod spool;

use crate::cut::{Cut, Value};
use crate::facilities::Facilities;
use crate::output::{Finished, Place};
use crate::record::{PartitionRecord, RunRecord, UnsavedRecord};
use crate::request::Prepared;
use crate::single::{NotPublished, OutputMode, Published, milliseconds, publish, run_once};
use longshore_config::settings::Settings;
use longshore_engine::task::Task;
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::event::{self, Event, Events};
use longshore_model::note::Note;
use longshore_model::outcome::Outcome;
use longshore_model::remedy::Remedy;
use longshore_model::run_id::new_run_id;
use longshore_table::{Allowance, Compression, FileFormat, Format, WriteOptions, guarded};
use merge::merge;
pub(crate) use relay::Lines;
use relay::relay;
use spool::Spools;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// One part's run after its end. Its outputs are spooled.
struct Part {
    position: usize,
    record: RunRecord,
}

/// All parts' runs, in order.
struct Parts {
    parts: Vec<Part>,
    spools: Spools,
    /// The first to fail, if it ended the others.
    failed: Option<usize>,
}

/// Runs a block for each value of the field. Failures are in the record.
pub(crate) async fn run(
    mut prepared: Prepared,
    run_id: String,
    mut cut: Cut,
    facilities: &Facilities,
    events: Events,
    cancel: &Cancel,
) -> RunRecord {
    if cut.values().is_empty() {
        // A table without rows has no values: the block runs once, so that its outputs have their columns.
        return run_once(prepared, run_id, facilities, events, cancel, OutputMode::Publish).await.0;
    }
    // More than have room would only wait, each for itself.
    cut.jobs = cut.jobs.min(facilities.admission.most(&prepared.limits));
    prepared.seat = None;
    let settings = facilities.engines.settings();
    let whole = Whole { prepared, run_id, cut, facilities, settings, events, begun: Instant::now() };
    let parts = whole.run_parts(cancel).await;
    whole.conclude(parts, cancel).await
}

/// The whole run.
struct Whole<'a> {
    prepared: Prepared,
    run_id: String,
    cut: Cut,
    facilities: &'a Facilities,
    settings: &'a Settings,
    events: Events,
    begun: Instant,
}

impl Whole<'_> {
    /// Runs the parts, `jobs` at a time. The first that fails ends the others, unless `keep_going` is set.
    async fn run_parts(&self, cancel: &Cancel) -> Parts {
        let together = Cancel::new();
        let _following = Task::spawn(together.clone().follow(cancel.clone()));
        let mut running = JoinSet::new();
        let (mut parts, mut stopped_by) = (Vec::new(), None);
        let mut spools = Spools::new(&self.prepared.temporary_folder);
        let mut next = 0;
        loop {
            // The first runs in any case, so that there is a record.
            let more = next == 0 || next < self.cut.values().len() && together.level() == CancelLevel::None;
            if more && running.len() < self.cut.jobs {
                running.spawn(self.part(next, together.clone()));
                next += 1;
                continue;
            }
            let Some(ended) = running.join_next().await else { break };
            // A run catches its own panics: this fails only if the runtime itself ends.
            let Ok((mut part, finished)) = ended else { break };
            if part.record.outcome.is_success() {
                spools = self.spool(&mut part, finished, spools).await;
            }
            let failed = !part.record.outcome.is_success();
            if let (Some(first), Outcome::Interrupted, CancelLevel::None) =
                (stopped_by, part.record.outcome, cancel.level())
            {
                let name = name(&self.cut.values()[first]);
                part.record.outcome = Outcome::Stopped;
                part.record.message = Some(format!("partition `{name}` had failed"));
            }
            if failed && !self.cut.keep_going && together.level() == CancelLevel::None {
                stopped_by = Some(part.position);
                together.cancel(CancelLevel::Gently);
            }
            parts.push(part);
            self.tell_progress(parts.len());
        }
        parts.sort_by_key(|part| part.position);
        Parts { parts, spools, failed: stopped_by }
    }

    /// Spools a part's outputs, or records in its record why that failed.
    async fn spool(&self, part: &mut Part, finished: Vec<Finished>, mut spools: Spools) -> Spools {
        let (position, value) = (part.position, self.cut.values()[part.position].clone());
        let Some(single) = self.cut.first().and_then(|split| split.single(&value)) else { return spools };
        let spooling = tokio::task::spawn_blocking(move || {
            let added = spools.add(position, &format!("`{}`", name(&value)), &single, finished);
            (spools, added)
        });
        let reason = match spooling.await {
            Ok((spools, Ok(()))) => return spools,
            Ok((_, Err(error))) => error.to_string(),
            Err(broken) => broken.to_string(),
        };
        part.record.outcome = Outcome::PublishFailed;
        part.record.message = Some(format!("cannot keep its outputs for the merge: {reason}"));
        Spools::new(&self.prepared.temporary_folder)
    }

    /// One part's run, to be spawned.
    fn part(&self, position: usize, cancel: Cancel) -> impl Future<Output = (Part, Vec<Finished>)> + Send + 'static {
        let mut prepared = self.prepared.clone();
        let (value, splits) = (self.cut.values()[position].clone(), Arc::clone(&self.cut.splits));
        let (facilities, whole, name) = (self.facilities.clone(), self.events.clone(), name(&value));
        if position > 0 {
            prepared.notes.clear();
            // All parts share the environment of the first.
            prepared.hashes = false;
        }
        for target in prepared.outputs.targets.iter_mut().flatten() {
            (target.format, target.write, target.place) = (KEPT, WriteOptions::default(), Place::Part);
        }
        async move {
            let (events, received) = event::events();
            let relaying = tokio::spawn(relay(name, position == 0, received, whole));
            let inputs = prepared.inputs.clone();
            let cutting = tokio::task::spawn_blocking(move || {
                guarded(|| inputs.with(splits.iter().map(|split| split.as_ref().map(|split| split.part(&value)))))
            });
            let cut = cutting.await.map_err(|broken| broken.to_string()).and_then(|cut| cut.map_err(|it| it.words));
            let broken = match cut {
                Ok(inputs) => {
                    prepared.inputs = inputs;
                    None
                }
                Err(words) => {
                    // Nothing starts: only the record is needed.
                    cancel.cancel(CancelLevel::AtOnce);
                    Some(format!("cannot split its input: {words}"))
                }
            };
            let (mut record, finished) =
                run_once(prepared, new_run_id(), &facilities, events, &cancel, OutputMode::Keep).await;
            if broken.is_some() {
                (record.outcome, record.message) = (Outcome::EngineFailed, broken);
            }
            // All events of the part are passed on before it counts as ended.
            let _ = relaying.await;
            (Part { position, record }, finished)
        }
    }

    fn tell_progress(&self, ended: usize) {
        #[allow(clippy::cast_precision_loss, reason = "parts are few")]
        let fraction = ended as f64 / self.cut.values().len() as f64;
        let text = Some(format!("{ended} of {} partitions", self.cut.values().len()));
        self.events.tell(Event::Progress { fraction, text });
    }

    /// Joins and publishes the parts' outputs, and returns the record.
    async fn conclude(self, ended: Parts, cancel: &Cancel) -> RunRecord {
        let Parts { parts, spools, failed } = ended;
        // If one part ended the others, its failure is the reason.
        let is_first = |part: &&Part| failed.is_none_or(|failed| part.position == failed);
        let failed = parts.iter().filter(is_first).find(|part| !part.record.outcome.is_success());
        let (mut outcome, mut message, mut remedy) = match failed {
            _ if cancel.level() != CancelLevel::None => (Outcome::Interrupted, None, None),
            Some(part) => (part.record.outcome, Some(self.failure(part, &parts)), part.record.remedy.clone()),
            None => (Outcome::Succeeded, None, None),
        };
        let hints = failed.map(|part| part.record.hints.clone()).unwrap_or_default();
        let mut record = whole_record(&parts, &self);
        let goes_on = self.cut.keep_going && outcome != Outcome::Interrupted;
        if outcome.is_success() || goes_on {
            let publishing = Instant::now();
            self.events.tell(Event::Publishing);
            match self.join(spools, &record.run_id, cancel).await {
                Ok((published, notes)) => {
                    record.outputs = published.outputs;
                    record.notes.extend(published.notes.into_iter().chain(notes).map(Note::from));
                }
                Err(failed) => {
                    let unwritten = failed.outcome == Outcome::Failed;
                    remedy = unwritten.then_some(Remedy::LeaveOutOutput);
                    (outcome, message) = (failed.outcome, Some(failed.reason));
                }
            }
            record.timings_ms.publish = milliseconds(publishing.elapsed());
        }
        record.outcome = outcome;
        record.message = message;
        record.remedy = remedy;
        record.hints = if outcome == Outcome::Interrupted { Vec::new() } else { hints };
        record.mask(&self.prepared.secrets());
        record.timings_ms.total = milliseconds(self.begun.elapsed());
        record
    }

    fn failure(&self, part: &Part, parts: &[Part]) -> String {
        let name = name(&self.cut.values()[part.position]);
        let reason = part.record.message.as_deref().unwrap_or("it gave no reason");
        let failed = parts.iter().filter(|part| !part.record.outcome.is_success()).count();
        if self.cut.keep_going {
            format!("{failed} of {} partitions failed, `{name}` first: {reason}", self.cut.values().len())
        } else {
            format!("partition `{name}` ({} of {}): {reason}", part.position + 1, self.cut.values().len())
        }
    }

    async fn join(
        &self,
        mut spools: Spools,
        run_id: &str,
        cancel: &Cancel,
    ) -> Result<(Published, Vec<String>), NotPublished> {
        let targets = self.prepared.outputs.targets.clone();
        let (cut, own_id) = (self.cut.clone(), run_id.to_owned());
        let allowance = Allowance::new(self.prepared.limits.output_bytes);
        let joining = tokio::task::spawn_blocking(move || {
            let Some(split) = cut.first() else { return Ok((Vec::new(), Vec::new())) };
            let (mut finished, mut notes) = (Vec::new(), Vec::new());
            for (index, target) in (0..).zip(&targets) {
                let Some(target) = target else { continue };
                let spool = usize::try_from(index).ok().and_then(|number| spools.take(number));
                let merged = spool.map(|spool| merge(index, target, split.field(), &own_id, &allowance, &spool));
                if let Some(output) = merged.transpose()?.flatten() {
                    notes.extend(output.all_notes());
                    finished.push(output);
                }
            }
            Ok::<_, String>((finished, notes))
        });
        let joined = joining.await.unwrap_or_else(|_| Err("joining the outputs ended early".into()));
        let failed = |reason| NotPublished { outcome: Outcome::PublishFailed, reason };
        let (finished, notes) = joined.map_err(failed)?;
        if let Some(reason) = self.prepared.outputs.unwritten(&finished) {
            return Err(NotPublished { outcome: Outcome::Failed, reason });
        }
        let published = publish(&self.prepared.outputs, finished, run_id, self.settings, cancel).await?;
        Ok((published, notes))
    }
}

/// The format of a part's outputs until they are joined.
const KEPT: FileFormat = FileFormat { format: Format::ArrowStream, compression: Compression::None };

/// A value as text.
fn name(value: &Value) -> String {
    value.clone().unwrap_or_else(|| "(null)".into())
}

/// The record of the whole run: fields that are the same for all parts are copied from the first.
fn whole_record(parts: &[Part], whole: &Whole<'_>) -> RunRecord {
    let split = whole.cut.first();
    let partitions = parts.iter().map(|part| {
        let value = whole.cut.values()[part.position].clone();
        PartitionRecord {
            rows: split.map_or(0, |split| split.count(&value)) as u64,
            value,
            run_id: part.record.run_id.clone(),
            outcome: part.record.outcome,
            message: part.record.message.clone(),
            remedy: part.record.remedy.clone(),
            total_ms: part.record.timings_ms.total,
        }
    });
    let partitions: Vec<_> = partitions.collect();
    let mut record = parts.first().expect("the first part runs in any case").record.clone();
    for part in parts.iter().skip(1) {
        add_unsaved(&mut record.unsaved, &part.record.unsaved);
        if let (Some(sum), Some(usage)) = (&mut record.usage, &part.record.usage) {
            sum.cpu_seconds += usage.cpu_seconds;
            sum.wall_seconds += usage.wall_seconds;
            sum.peak_memory_bytes = sum.peak_memory_bytes.max(usage.peak_memory_bytes);
        }
        record.dropped_log_bytes.stdout += part.record.dropped_log_bytes.stdout;
        record.dropped_log_bytes.stderr += part.record.dropped_log_bytes.stderr;
        record.left_behind += part.record.left_behind;
    }
    record.run_id.clone_from(&whole.run_id);
    record.exit = None;
    record.inputs = whole.prepared.input_records.clone();
    record.outputs = Vec::new();
    record.timings_ms.run = milliseconds(whole.begun.elapsed());
    record.partitions = Some(partitions);
    record
}

/// Adds the rows of another part's outputs.
fn add_unsaved(all: &mut Vec<UnsavedRecord>, more: &[UnsavedRecord]) {
    for output in more {
        match all.iter_mut().find(|known| known.index == output.index) {
            Some(known) => known.rows += output.rows,
            None => all.push(output.clone()),
        }
    }
    all.sort_by_key(|output| output.index);
}
