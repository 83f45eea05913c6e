//! Running a chain: each step is claimed when the scripts before it have begun, waits in its container for its tables,
//! and passes its own on. The first step that fails ends the chain.

use super::check::{PreparedChain, PreparedStep};
use super::record::{Ended, Sizes, conclude};
use super::relay::relay;
use crate::admission::Admission;
use crate::facilities::{Facilities, Resident};
use crate::output::{Finished, Pending};
use crate::record::RunRecord;
use crate::recording::{self, RecordedAs, RecordedRun};
use crate::request::{Awaited, PassedTable, Upstream};
use crate::single::{LEFT_BEHIND, OutputMode, milliseconds, recovered, run_once};
use longshore_engine::Engines;
use longshore_engine::task::Task;
use longshore_model::cancel::{Cancel, CancelLevel};
use longshore_model::event::{self, Event, Events};
use longshore_model::note::Note;
use longshore_model::outcome::Outcome;
use longshore_model::run_id::new_run_id;
use longshore_store::Recorder;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A table that steps wait for, and how many of them have not ended.
struct Passing {
    table: watch::Sender<Option<Arc<PassedTable>>>,
    readers: usize,
}

/// Runs a chain, and records it if there is a recorder. Failures are in the record. Nothing of it is left when this
/// returns; in a resident host its containers may exist for some moments more, as activities of that.
pub async fn run(
    mut prepared: PreparedChain,
    engines: &Engines,
    admission: &Admission,
    recorder: Option<&Recorder>,
    events: Events,
    cancel: &Cancel,
    resident: Option<Resident<'_>>,
) -> RunRecord {
    let (begun, settings, run_id) = (Instant::now(), engines.settings(), new_run_id());
    let notes: Vec<Note> = recovered(settings).await.into_iter().map(Note::from).collect();
    for step in &mut prepared.steps {
        step.prepared.limits.timeout = step.prepared.time_limit(settings);
    }
    prepared = seated(prepared, admission);
    let reader = events;
    let recorded_as = recorded_as(&prepared, &run_id);
    let (recorded, events) = RecordedRun::begin(recorded_as, settings, recorder, &reader, cancel);
    let facilities = Facilities::of(engines, admission, resident);
    let running = Chain { facilities: &facilities, events: &events };
    let ended = running.run_steps(prepared.steps, cancel).await;
    let mut record = conclude(ended, run_id, settings, &events, cancel).await;
    record.notes.splice(0..0, notes);
    if resident.is_none() {
        let left_behind = facilities.removals.ended().await;
        record.notes.extend((left_behind > 0).then(|| LEFT_BEHIND.into()));
    }
    record.timings_ms.total = milliseconds(begun.elapsed());
    drop(events);
    recording::conclude(recorded, &mut record, &reader).await;
    record
}

/// The chain with a seat in the host's queue, or with the refusal for each step, unless it has one.
fn seated(mut prepared: PreparedChain, admission: &Admission) -> PreparedChain {
    if prepared.steps.iter().any(|step| step.prepared.seat.is_some()) {
        return prepared;
    }
    match admission.enter(admission.turn()) {
        Ok(seat) => prepared.seated(seat),
        Err(full) => {
            for step in &mut prepared.steps {
                step.prepared.seat = Some(Err(full));
            }
            prepared
        }
    }
}

fn recorded_as(prepared: &PreparedChain, run_id: &str) -> RecordedAs {
    let first = prepared.steps.first().map(|step| &step.prepared);
    let names: Vec<&str> = prepared.steps.iter().map(|step| step.name.as_str()).collect();
    RecordedAs {
        run_id: run_id.to_owned(),
        block: names.join(", "),
        source: first.map(|first| first.source.clone()).unwrap_or_default(),
        inputs: first.map(|first| first.input_paths.clone()).unwrap_or_default(),
        recorded: prepared.steps.iter().all(|step| step.prepared.recorded),
    }
}

struct Chain<'a> {
    facilities: &'a Facilities,
    events: &'a Events,
}

/// What is known of a step when its task has ended.
struct Finish {
    position: usize,
    record: Option<RunRecord>,
    finished: Vec<Finished>,
}

impl Chain<'_> {
    async fn run_steps(&self, steps: Vec<PreparedStep>, cancel: &Cancel) -> Ended {
        let together = Cancel::new();
        let _following = Task::spawn(together.clone().follow(cancel.clone()));
        let mut passing: BTreeMap<(usize, u32), Passing> = BTreeMap::new();
        for (position, step) in steps.iter().enumerate() {
            for output in &step.passed_on {
                passing.insert((position, *output), Passing { table: watch::channel(None).0, readers: 0 });
            }
        }
        let begun: Vec<watch::Sender<bool>> = steps.iter().map(|_| watch::channel(false).0).collect();
        let mut ended = Ended::new(&steps);
        let mut running = JoinSet::new();
        for (position, mut step) in steps.into_iter().enumerate() {
            let mut upstream = Vec::new();
            for table in &step.inbound {
                let Some(known) = passing.get_mut(&(table.from, table.output)) else { continue };
                known.readers += 1;
                let (from, table_of) = (table.called.clone(), known.table.subscribe());
                upstream.push(Awaited { input: table.input, from, table: table_of });
            }
            step.prepared.upstream = Upstream(upstream);
            let before = step.inbound.iter().map(|table| begun[table.from].subscribe()).collect();
            running.spawn(self.step(position, step, before, begun[position].clone(), together.clone()));
        }
        // Each step has its own end of these: one that ends without having begun is seen by those that wait for it.
        drop(begun);
        while let Some(joined) = running.join_next().await {
            // A run catches its own panics: this fails only if the runtime itself ends.
            let Ok(Finish { position, record, finished }) = joined else { break };
            let succeeded = record.as_ref().is_some_and(|record| record.outcome.is_success());
            for table in &ended.inbound[position] {
                let place = (table.from, table.output);
                if let Some(known) = passing.get_mut(&place) {
                    known.readers -= 1;
                    // The last reader has ended: its memory is free.
                    if known.readers == 0 {
                        passing.remove(&place);
                    }
                }
            }
            if succeeded {
                for output in finished {
                    let place = (position, output.index);
                    match (passing.get(&place), output) {
                        (
                            Some(known),
                            Finished { file: Some(Pending::Segment(segment, memory)), rows, changed, .. },
                        ) => {
                            ended.passed.insert(place, Sizes { rows, bytes: segment.length(), changed });
                            known.table.send_replace(Some(Arc::new(PassedTable { segment, _memory: memory })));
                        }
                        (_, output) => ended.finished.push((position, output)),
                    }
                }
            } else {
                // Those that wait for its tables get none.
                passing.retain(|(from, _), _| *from != position);
                // One that has no record has not begun, since one before it has ended, whose end may be seen later.
                if record.is_some() && together.level() == CancelLevel::None {
                    ended.failed = Some(position);
                    together.cancel(CancelLevel::Gently);
                }
            }
            ended.records[position] = record;
            ended.relabel(position, cancel.level());
        }
        ended
    }

    /// A step's run, to be spawned.
    fn step(
        &self,
        position: usize,
        step: PreparedStep,
        before: Vec<watch::Receiver<bool>>,
        begun: watch::Sender<bool>,
        cancel: Cancel,
    ) -> impl Future<Output = Finish> + Send + 'static {
        let (facilities, whole) = (self.facilities.clone(), self.events.clone());
        async move {
            for mut other in before {
                let has_begun = tokio::select! {
                    begun = other.wait_for(|begun| *begun) => begun.is_ok(),
                    () = cancel.cancelled() => false,
                };
                if !has_begun {
                    return Finish { position, record: None, finished: Vec::new() };
                }
            }
            let run_id = new_run_id();
            whole.tell(Event::Step { step: step.name.clone(), run_id: run_id.clone(), outcome: None });
            let (events, received) = event::events();
            let relaying = tokio::spawn(relay(step.name.clone(), received, whole.clone(), begun));
            let ran = run_once(step.prepared, run_id.clone(), &facilities, events, &cancel, OutputMode::PassOn);
            let (record, finished) = Box::pin(ran).await;
            // All events of the step are passed on before it counts as ended.
            let _ = relaying.await;
            whole.tell(Event::Step { step: step.name, run_id, outcome: Some(record.outcome) });
            Finish { position, record: Some(record), finished }
        }
    }
}

impl Ended {
    /// Corrects what a step's record says of its end if another step ended it.
    fn relabel(&mut self, position: usize, level: CancelLevel) {
        let Some(failed) = self.failed.filter(|failed| *failed != position && level == CancelLevel::None) else {
            return;
        };
        let reason = format!("step `{}` had failed", self.names[failed]);
        if let Some(record) = self.records[position].as_mut().filter(|record| record.outcome == Outcome::Interrupted) {
            record.outcome = Outcome::Stopped;
            record.message = Some(reason);
        }
    }
}
