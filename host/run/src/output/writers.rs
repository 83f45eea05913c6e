//! The workers of a run's outputs: their owner waits for them, and handles send them data. Each has its own named
//! thread, because it may wait for its script or its disk as long as the run lasts.

use super::Declared;
use super::finished::{Finished, OutputFailure};
use super::means::{Means, over_memory};
use super::worker::{Command, Piece, Worker};
use crate::connection::Outgoing;
use longshore_protocol::{OutputName, StreamId};
use longshore_segment::Budget;
use longshore_table::Allowance;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait for a worker: every arena, and as many inline pieces again.
const QUEUE: usize = 8;

/// The workers of one run, and the only owner that waits for them. When it is dropped, they stop at once, and their
/// files are discarded.
#[derive(Debug)]
pub(crate) struct Writers {
    shared: Arc<Shared>,
    /// The workers that [`Writers::finish`] still waits for.
    ending: VecDeque<Ending>,
}

/// A session's handle to write outputs.
#[derive(Debug, Clone)]
pub(crate) struct OutputsHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    declared: Declared,
    run_id: String,
    /// Whether standard output gets rows as they arrive.
    streaming: bool,
    /// Bytes that the script may still send for all outputs together.
    intake: Allowance,
    trouble: mpsc::UnboundedSender<OutputFailure>,
    means: Means,
    /// `None` once no more outputs can be opened.
    workers: Mutex<Option<Vec<RunningWorker>>>,
}

#[derive(Debug)]
struct RunningWorker {
    output: u32,
    busy: bool,
    commands: mpsc::Sender<Command>,
    finished: oneshot::Receiver<Finished>,
}

/// A worker whose last command has been given.
#[derive(Debug)]
struct Ending {
    output: u32,
    finished: oneshot::Receiver<Finished>,
}

impl Writers {
    /// Workers without outputs. Decoded data is reserved from `memory`; at most `output_bytes` are received from the
    /// script, and at most as many written. Failures that end the run are sent to `trouble`.
    pub(crate) fn new(
        declared: Declared,
        run_id: &str,
        streaming: bool,
        memory: Budget,
        output_bytes: u64,
        trouble: mpsc::UnboundedSender<OutputFailure>,
    ) -> Self {
        let shared = Shared {
            declared,
            run_id: run_id.to_owned(),
            streaming,
            intake: Allowance::new(output_bytes),
            trouble,
            means: Means::new(memory, output_bytes),
            workers: Mutex::new(Some(Vec::new())),
        };
        Self { shared: Arc::new(shared), ending: VecDeque::new() }
    }

    /// A session's handle. It writes nothing more once [`Writers::finish`] has begun.
    pub(crate) fn handle(&self) -> OutputsHandle {
        OutputsHandle(Arc::clone(&self.shared))
    }

    /// Waits until all data that was handed over has been written. If this is dropped before its end, the workers stop;
    /// those that hang are left behind and reported as failures.
    pub(crate) async fn finish(mut self) -> Vec<Finished> {
        self.ending = self.shared.close();
        let mut done = Vec::with_capacity(self.ending.len());
        while let Some(next) = self.ending.front_mut() {
            match (&mut next.finished).await {
                Ok(output) => done.push(output),
                // The file of a worker that panicked must not be published.
                Err(_) => {
                    self.shared.tell(OutputFailure::Write(format!("the writer of output {} ended early", next.output)))
                }
            }
            self.ending.pop_front();
        }
        done.sort_by_key(|output| output.index);
        done
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.shared.means.close();
        drop(self.shared.close());
        for Ending { output, .. } in &self.ending {
            let left =
                format!("output {output} was still being written when the run ended: its writer was left behind");
            self.shared.tell(OutputFailure::Write(left));
        }
    }
}

impl OutputsHandle {
    /// Opens a stream into an output. Returns its worker, or why it cannot be opened.
    pub(crate) async fn open(&self, name: &OutputName, stream: StreamId, outgoing: &Outgoing) -> Result<usize, String> {
        let output = self.0.declared.find(name)?;
        let index = self.0.claim(output)?;
        self.0.command(index, Command::Open { stream, outgoing: outgoing.clone() }).await;
        Ok(index)
    }

    /// Hands bytes over, waiting while the worker is busy.
    pub(crate) async fn take(&self, worker: usize, mut piece: Piece) {
        if self.0.intake.spend(piece.length()).is_err() {
            self.0.tell(OutputFailure::Limit("the script wrote more than its limit of output bytes".into()));
            return;
        }
        if let Piece::Inline(bytes, memory) = &mut piece {
            match self.0.means.memory.take(bytes.len() as u64) {
                Ok(taken) => *memory = Some(taken),
                Err(over) => return self.0.tell(OutputFailure::Limit(over_memory(&over))),
            }
        }
        self.0.command(worker, Command::Piece(piece)).await;
    }

    /// Ends the stream into an output.
    pub(crate) async fn end(&self, worker: usize) {
        self.0.release(worker);
        self.0.command(worker, Command::End).await;
    }

    /// Abandons the stream into an output before its end.
    pub(crate) async fn abandon(&self, worker: usize) {
        self.0.release(worker);
        self.0.command(worker, Command::Abandon).await;
    }
}

impl Shared {
    /// The worker of an output, which takes one stream at a time.
    fn claim(&self, output: u32) -> Result<usize, String> {
        let mut workers = self.workers();
        let workers = workers.as_mut().ok_or("the run has ended")?;
        let index = match workers.iter().position(|worker| worker.output == output) {
            Some(known) => known,
            None => {
                let started = self.start_worker(output).map_err(|error| {
                    let reason = format!("cannot start a thread for output {output}: {error}");
                    self.tell(OutputFailure::Write(reason.clone()));
                    reason
                })?;
                workers.push(started);
                workers.len() - 1
            }
        };
        if std::mem::replace(&mut workers[index].busy, true) {
            return Err("another table is being written to it".into());
        }
        Ok(index)
    }

    fn start_worker(&self, output: u32) -> std::io::Result<RunningWorker> {
        let target = self.declared.targets.get(output as usize).cloned().flatten();
        let (commands, received) = mpsc::channel(QUEUE);
        let (last_word, finished) = oneshot::channel();
        let (trouble, means) = (self.trouble.clone(), self.means.clone());
        let worker = Worker::new(output, target, self.run_id.clone(), self.streaming, trouble, means);
        // Its result signals its end, so the thread is not joined: a disk that hangs delays no run.
        std::thread::Builder::new().name(format!("output-{output}")).spawn(move || {
            // The receiver may be gone.
            let _ = last_word.send(worker.run(received));
        })?;
        Ok(RunningWorker { output, busy: false, commands, finished })
    }

    fn release(&self, worker: usize) {
        if let Some(worker) = self.workers().as_mut().and_then(|workers| workers.get_mut(worker)) {
            worker.busy = false;
        }
    }

    async fn command(&self, worker: usize, command: Command) {
        let known =
            self.workers().as_ref().and_then(|workers| workers.get(worker)).map(|w| (w.output, w.commands.clone()));
        // Commands that arrive after `finish` has begun are ignored.
        let Some((output, commands)) = known else { return };
        if commands.send(command).await.is_err() {
            // It has reported why, unless it panicked. The first report ends the run; this one is for the other case.
            self.tell(OutputFailure::Write(format!("the writer of output {output} has stopped")));
        }
    }

    /// Prevents further opening and writing. The workers end after the commands that they have.
    fn close(&self) -> VecDeque<Ending> {
        let workers = self.workers().take().unwrap_or_default();
        workers.into_iter().map(|worker| Ending { output: worker.output, finished: worker.finished }).collect()
    }

    fn tell(&self, trouble: OutputFailure) {
        // Without a receiver the run has ended already.
        let _ = self.trouble.send(trouble);
    }

    /// The list is consistent after each step, so a poisoned lock is usable.
    fn workers(&self) -> MutexGuard<'_, Option<Vec<RunningWorker>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Place, Target};
    use super::*;
    use arrow_array::types::Int16Type;
    use arrow_array::{
        ArrayRef, DictionaryArray, Int16Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray,
    };
    use longshore_protocol::{Frame, ToScript};
    use longshore_segment::BatchEncoder;
    use longshore_table::WriteOptions;

    fn writers_to(targets: Vec<Option<Target>>) -> (Writers, mpsc::UnboundedReceiver<OutputFailure>) {
        let (trouble, troubles) = mpsc::unbounded_channel();
        let declared = Declared { ids: None, targets };
        (Writers::new(declared, "run", false, Budget::new(1 << 26), 1 << 20, trouble), troubles)
    }

    fn writers() -> (Writers, mpsc::UnboundedReceiver<OutputFailure>) {
        writers_to(Vec::new())
    }

    fn table(rows: i64) -> Piece {
        piece(Arc::new((0..rows).collect::<Int64Array>()))
    }

    fn piece(column: ArrayRef) -> Piece {
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let mut encoder = BatchEncoder::new(&batch.schema(), Vec::new()).unwrap();
        encoder.write(&batch).unwrap();
        Piece::Inline(std::mem::take(encoder.target()), None)
    }

    #[tokio::test]
    async fn finishing_waits_for_what_was_handed_over() {
        let (writers, mut troubles) = writers();
        let (outgoing, mut answers) = mpsc::channel(16);
        let handle = writers.handle();
        for (stream, output) in [(1, 1), (2, 0)] {
            let worker = handle.open(&OutputName::Number(output), StreamId(stream), &outgoing).await.unwrap();
            handle.take(worker, table(i64::from(stream) * 10)).await;
            handle.end(worker).await;
        }
        let finished = writers.finish().await;
        assert_eq!(finished.iter().map(|output| (output.index, output.rows)).collect::<Vec<_>>(), [(0, 20), (1, 10)]);
        assert!(troubles.try_recv().is_err());
        let mut accepted = Vec::new();
        while let Ok(frame) = answers.try_recv() {
            match frame.into_message().unwrap().0 {
                ToScript::Accepted { rows, .. } => accepted.push(rows),
                other => panic!("{other:?}"),
            }
        }
        accepted.sort_unstable();
        assert_eq!(accepted, [10, 20]);
        // Data after the end is not written, and blocks nothing.
        assert_eq!(handle.open(&OutputName::Number(5), StreamId(3), &outgoing).await.unwrap_err(), "the run has ended");
        handle.end(0).await;
    }

    /// Writes a column to a file, and returns the first failure, or why the script's table was dropped.
    async fn told(format: &str, column: ArrayRef) -> Result<OutputFailure, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let place = Place::Named(longshore_os::publish::Destination::of(&path).unwrap());
        let (writers, mut troubles) = writers_to(vec![Some(Target {
            path,
            place,
            format: format.parse().unwrap(),
            write: WriteOptions::default(),
            temporary_folder: "/tmp".into(),
            is_optional: false,
        })]);
        let (outgoing, mut answers) = mpsc::channel(16);
        let handle = writers.handle();
        let worker = handle.open(&OutputName::Number(0), StreamId(1), &outgoing).await.unwrap();
        handle.take(worker, piece(column)).await;
        handle.end(worker).await;
        let finished = writers.finish().await;
        if let Ok(trouble) = troubles.try_recv() {
            assert!(finished[0].spoiled.is_some());
            return Ok(trouble);
        }
        match answers.try_recv().unwrap().into_message().unwrap().0 {
            ToScript::Drop { reason, .. } => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_written_is_held_to_the_limit_of_output_bytes() {
        // 10 kB of text and 2 kB of keys, and 10 MB of CSV: the limit is a mebibyte.
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(10_000)]));
        let categories = DictionaryArray::<Int16Type>::try_new(Int16Array::from(vec![0; 1000]), text).unwrap();
        match told("csv", Arc::new(categories)).await {
            Ok(OutputFailure::Limit(reason)) => {
                assert_eq!(reason, "the script's outputs are larger than its limit of output bytes");
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_script_is_told_no_path_of_the_host() {
        let beyond = TimestampSecondArray::from(vec![i64::MAX]);
        let reason = told("parquet", Arc::new(beyond)).await.unwrap_err();
        assert!(!reason.contains('/'), "{reason}");
    }

    #[tokio::test]
    async fn a_writer_that_hangs_is_left_behind_and_reported() {
        let (writers, mut troubles) = writers();
        // A script that reads no answers: the writer waits for room.
        let (outgoing, answers) = mpsc::channel(1);
        outgoing.send(Frame::new(&ToScript::Ack { stream: StreamId(1), bytes: 1 })).await.unwrap();
        let handle = writers.handle();
        let worker = handle.open(&OutputName::Number(7), StreamId(1), &outgoing).await.unwrap();
        handle.take(worker, table(10)).await;
        handle.end(worker).await;
        let mut finishing = Box::pin(writers.finish());
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(finishing.as_mut().poll(context))).await.is_pending()
        );
        drop(finishing);
        match troubles.recv().await {
            Some(OutputFailure::Write(left)) => {
                assert_eq!(left, "output 7 was still being written when the run ended: its writer was left behind");
            }
            other => panic!("{other:?}"),
        }
        drop(answers);
    }
}
