//! The outputs of a run: one worker each, on a thread of its own, that takes bytes from the script, checks and
//! decodes them, and writes them to a file that has no name yet. Publishing is the run's.

mod pending;
mod worker;

pub(crate) use pending::{Pending, create};
pub(crate) use worker::{Finished, Piece, Trouble};

use crate::session::Outgoing;
use crate::table::{FileFormat, WriteOptions};
use longshore_protocol::{OutputName, StreamId};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use worker::{Command, Worker};

/// Commands that may wait for a worker: every arena, and as many inline pieces again.
const QUEUE: usize = 8;

/// Outputs of a block that declares none: as many as anyone would number.
const UNDECLARED_MAX: u32 = 64;

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The file; `-` is standard output.
    pub path: PathBuf,
    /// Its format.
    pub format: FileFormat,
    /// How its text is written.
    pub write: WriteOptions,
}

/// What outputs a block has, and where they go.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    /// Ids in order; `None` where the block declares no outputs, and any number goes.
    pub(crate) ids: Option<Vec<String>>,
    /// Targets by output number.
    pub(crate) targets: Vec<Option<Target>>,
}

impl Declared {
    /// The number of an output.
    pub(crate) fn find(&self, name: &OutputName) -> Result<u32, String> {
        match (name, &self.ids) {
            (OutputName::Number(number), None) if *number < UNDECLARED_MAX => Ok(*number),
            (OutputName::Number(_), None) => Err(format!("output numbers go from 0 to {}", UNDECLARED_MAX - 1)),
            (OutputName::Number(number), Some(ids)) if (*number as usize) < ids.len() => Ok(*number),
            (OutputName::Number(_), Some(ids)) if ids.is_empty() => Err("the block has no outputs".into()),
            (OutputName::Number(_), Some(ids)) => {
                let last = ids.len() - 1;
                Err(format!("the block's outputs are numbered 0 to {last} ({})", ids.join(", ")))
            }
            (OutputName::Id(id), ids) => {
                let position = ids.iter().flatten().position(|known| known == id);
                let known = ids.as_ref().map_or("none".to_owned(), |ids| ids.join(", "));
                let number = position.and_then(|position| u32::try_from(position).ok());
                number.ok_or_else(|| format!("the block has no output with this id (it has: {known})"))
            }
        }
    }
}

/// The outputs of one run.
pub(crate) struct Outputs {
    declared: Declared,
    run_id: String,
    /// Whether standard output gets rows as they come.
    streaming: bool,
    /// Bytes that the script may still send, of all outputs together.
    budget: Arc<AtomicU64>,
    trouble: mpsc::UnboundedSender<Trouble>,
    workers: Vec<RunningWorker>,
}

struct RunningWorker {
    output: u32,
    busy: bool,
    commands: mpsc::Sender<Command>,
    thread: JoinHandle<Finished>,
}

impl Outputs {
    /// No output has been written yet. What ends the run comes through `trouble`.
    pub(crate) fn new(
        declared: Declared,
        run_id: &str,
        streaming: bool,
        output_bytes: u64,
        trouble: mpsc::UnboundedSender<Trouble>,
    ) -> Self {
        let budget = Arc::new(AtomicU64::new(output_bytes));
        Self { declared, run_id: run_id.to_owned(), streaming, budget, trouble, workers: Vec::new() }
    }

    /// Opens a stream into an output. Returns the worker that takes it, or why there is none.
    pub(crate) async fn open(
        &mut self,
        name: &OutputName,
        stream: StreamId,
        outgoing: &Outgoing,
    ) -> Result<usize, String> {
        let output = self.declared.find(name)?;
        let known = self.workers.iter().position(|worker| worker.output == output);
        let index = known.unwrap_or_else(|| self.start_worker(output));
        let worker = &mut self.workers[index];
        if worker.busy {
            return Err("another table is being written to it".into());
        }
        worker.busy = true;
        self.command(index, Command::Open { stream, outgoing: outgoing.clone() }).await;
        Ok(index)
    }

    /// Hands bytes over, waiting while the worker is busy.
    pub(crate) async fn take(&mut self, worker: usize, piece: Piece) {
        let length = piece.length();
        let spent = self.budget.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(length));
        if spent.is_err() {
            // The run has ended already when nobody listens.
            let _ = self.trouble.send(Trouble::Limit("the script wrote more than its limit of output bytes".into()));
            return;
        }
        self.command(worker, Command::Piece(piece)).await;
    }

    /// Ends the stream into an output.
    pub(crate) async fn end(&mut self, worker: usize) {
        self.workers[worker].busy = false;
        self.command(worker, Command::End).await;
    }

    /// Gives up the stream into an output, half way.
    pub(crate) async fn abandon(&mut self, worker: usize) {
        self.workers[worker].busy = false;
        self.command(worker, Command::Abandon).await;
    }

    /// Waits until everything has been written.
    pub(crate) async fn finish(self) -> Vec<Finished> {
        let mut finished = Vec::with_capacity(self.workers.len());
        for worker in self.workers {
            drop(worker.commands);
            match worker.thread.await {
                Ok(output) => finished.push(output),
                Err(_) => {
                    // A worker that panicked wrote nothing that may be published.
                    let broken = format!("the writer of output {} broke", worker.output);
                    let _ = self.trouble.send(Trouble::Write(broken));
                }
            }
        }
        finished.sort_by_key(|output| output.index);
        finished
    }

    fn start_worker(&mut self, output: u32) -> usize {
        let target = self.declared.targets.get(output as usize).cloned().flatten();
        let (commands, received) = mpsc::channel(QUEUE);
        let worker = Worker::new(output, target, self.run_id.clone(), self.streaming, self.trouble.clone());
        let thread = tokio::task::spawn_blocking(move || worker.run(received));
        self.workers.push(RunningWorker { output, busy: false, commands, thread });
        self.workers.len() - 1
    }

    async fn command(&self, worker: usize, command: Command) {
        let worker = &self.workers[worker];
        if worker.commands.send(command).await.is_err() {
            // It has said why, unless it could not; the run ends by the first word, and a script must not wait for one.
            let _ = self.trouble.send(Trouble::Write(format!("the writer of output {} has stopped", worker.output)));
        }
    }
}
