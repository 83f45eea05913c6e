//! Starting a run that is asked for over HTTP: it goes on by itself, is recorded, and the tables that it writes are kept.

use crate::gather::Gathered;
use crate::open::Open;
use crate::outputs::{KeptOutputs, PendingOutputs};
use crate::rejection;
use crate::tally::{TalliedRun, Tally};
use crate::who::Who;
use longshore::history::RunHistory;
use longshore::{Cancel, CancelLevel, EngineChoice, Event, Host, Note, OtherOutputs, Prepared, RunRecord, events};
use longshore_protocol::Rejection;
use longshore_run::submission::{Taken, requested};
use std::path::Path;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct StartedRun {
    /// Its id.
    pub(crate) run_id: String,
    /// Cancels it.
    pub(crate) cancel: Cancel,
    /// Its record, once it has ended and its tables are kept.
    pub(crate) ended: oneshot::Receiver<RunRecord>,
}

/// What runs are started with. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Starter {
    pub(crate) host: Host,
    pub(crate) outputs: KeptOutputs,
    /// The runs.
    pub(crate) runs: TaskTracker,
    pub(crate) open: Open,
    /// Whether they may have no container.
    pub(crate) allows_processes: bool,
    pub(crate) tally: Tally,
}

impl Starter {
    /// Starts what was asked for, or puts it into the queue.
    pub(crate) async fn start(&self, gathered: Gathered, who: Who) -> Result<StartedRun, Rejection> {
        let admission = self.host.admission();
        let seat = admission.enter(admission.turn()).map_err(|full| rejection::busy(&full))?;
        let Gathered { mut submission, along, folder, credits } = gathered;
        submission.others = true;
        let Taken { mut request, others, .. } =
            requested(submission, along).map_err(|error| rejection::plain(&error))?;
        permit(&mut request.engine, self.allows_processes).map_err(|refusal| rejection::plain(&refusal))?;
        request.caller = Some(who.0);
        request.temporary_folder = Some(self.host.settings().temporary_folder.clone());
        let broken = |_| rejection::plain(&"internal error while checking the run: please report it");
        let prepared = tokio::task::spawn_blocking(|| request.prepare()).await.map_err(broken)?;
        let prepared = prepared.map_err(|error| rejection::of_request(&error))?.seated(seat);
        let (begun, begins) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let (cancel, held, starter) = (Cancel::new(), self.open.hold(), self.clone());
        let cancelled = cancel.clone();
        self.runs.spawn(async move {
            let tallied = starter.tally.begin();
            let record = starter.run(prepared, others, begun, &cancelled).await;
            tallied.ended(&record);
            drop((folder, credits, held));
            // Nobody may be waiting for it.
            let _ = ending.send(record);
        });
        let broken = |_| rejection::plain(&"internal error while starting the run: please report it");
        begins.await.map(|run_id| StartedRun { run_id, cancel, ended }).map_err(broken)
    }

    async fn run(
        &self,
        prepared: Prepared,
        others: Option<OtherOutputs>,
        begun: oneshot::Sender<String>,
        cancel: &Cancel,
    ) -> RunRecord {
        let (sender, mut happened) = events();
        let hearing = async {
            let (mut begun, mut pending) = (Some(begun), None);
            while let Some(event) = happened.recv().await {
                if let Event::Begun { run_id } = event {
                    TalliedRun::begun(&run_id);
                    pending.get_or_insert_with(|| self.outputs.expect(&run_id));
                    begun.take().map(|begun| begun.send(run_id));
                }
            }
            pending
        };
        let (mut record, pending) = tokio::join!(self.host.run_prepared(prepared, sender, cancel), hearing);
        if let (Some(pending), Some(others)) = (pending, others) {
            let (kept, state_folder) = (self.outputs.clone(), self.host.settings().state_folder.clone());
            let keeping = tokio::task::spawn_blocking(move || keep(&kept, pending, &others, &state_folder));
            let notes = keeping.await.unwrap_or_else(|_| vec!["internal error while its tables were kept".into()]);
            record.notes.extend(notes.into_iter().map(Note::from));
        }
        record
    }
}

/// Replaces or refuses an engine without containers where the operator has not allowed it.
pub(crate) fn permit(engine: &mut EngineChoice, allows_processes: bool) -> Result<(), &'static str> {
    match engine {
        EngineChoice::Process if !allows_processes => Err("this host runs scripts in containers alone"),
        EngineChoice::Auto if !allows_processes => {
            *engine = EngineChoice::Docker;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Writes the tables of a run, and makes room for them. Returns what went wrong.
fn keep(kept: &KeptOutputs, pending: PendingOutputs, others: &OtherOutputs, state_folder: &Path) -> Vec<String> {
    let mut notes = Vec::new();
    for (number, table) in others.take() {
        if let Err(error) = pending.write(number, &table) {
            notes.push(format!("output {number} is not kept: {error}"));
        }
    }
    drop(pending);
    if let Err(error) = tidy(kept, state_folder) {
        notes.push(format!("tables of former runs cannot be removed: {error}"));
    }
    notes
}

/// Removes the tables of runs that are no longer in the history, and the oldest ones beyond the budget. Blocks.
pub(crate) fn tidy(kept: &KeptOutputs, state_folder: &Path) -> std::io::Result<()> {
    // What cannot be read now is looked at the next time.
    let Ok(history) = RunHistory::open(state_folder) else { return Ok(()) };
    kept.tidy(|run_id| history.has(run_id).unwrap_or(true))
}

/// Cancels a run unless it is told not to: nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(pub(crate) Option<Cancel>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            cancel.cancel(CancelLevel::Gently);
        }
    }
}
