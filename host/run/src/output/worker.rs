//! One output's worker: it copies the script's data out of shared memory, checks and decodes it, and writes it.
//! Shared memory is never read in place, because the script can still write there.

mod in_memory;

use super::Target;
use super::collected::Collected;
use super::failure::{Failure, hold, refusal, unwritten};
use super::finished::{Finished, OutputFailure};
use super::means::Means;
use super::pending::{Pending, create, rewrite};
use crate::connection::Outgoing;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::{Schema, SchemaRef};
use longshore_protocol::{ArenaId, Frame, StreamId, ToScript};
use longshore_segment::{LentArena, Matching, OverBudget, TableDecoder, Taken, cut, first_schema, weight, widened};
use longshore_table::{Preview, Sink, add_rows, guarded, preview_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Largest weight of a piece of a batch that is converted and written at once: with a format's expansion of 7, and four
/// desks, 224 MiB for a run.
const PIECE_WEIGHT: u64 = 8 << 20;

/// Why an output that was unfinished at the end of the run is not published.
const ENDED: &str = "the run ended while it was written";

/// Bytes of an output.
#[derive(Debug)]
pub(crate) enum Piece {
    /// In this process, with the memory reserved for them.
    Inline(Vec<u8>, Option<Taken>),
    /// At the start of an arena, which is returned to the script once they are copied.
    Arena { memory: Arc<LentArena>, with_script: Arc<AtomicBool>, arena: ArenaId, length: u64 },
}

impl Piece {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Inline(bytes, _) => bytes.len() as u64,
            Self::Arena { length, .. } => *length,
        }
    }
}

/// A command for a worker.
#[derive(Debug)]
pub(crate) enum Command {
    Open { stream: StreamId, outgoing: Outgoing },
    Piece(Piece),
    End,
    Abandon,
}

/// A worker before it runs.
pub(crate) struct Worker {
    index: u32,
    target: Option<Target>,
    run_id: String,
    streaming: bool,
    trouble: mpsc::UnboundedSender<OutputFailure>,
    means: Means,
    schema: Option<SchemaRef>,
    sink: Option<(Sink, Pending)>,
    /// The output, if it stays in memory.
    collected: Option<Collected>,
    rows: u64,
    /// The first rows, if it has no target.
    preview: Option<Preview>,
    spoiled: Option<String>,
    table: Option<Table>,
    /// Memory of the rows that the file buffers.
    kept_back: Option<Taken>,
    /// Memory of the columns.
    columns: Option<Taken>,
}

/// A table that is being received.
struct Table {
    stream: StreamId,
    outgoing: Outgoing,
    decoder: TableDecoder,
    matching: Option<Matching>,
    /// No piece of it has arrived.
    is_first: bool,
    /// Its messages become the output's without another copy.
    as_it_is: bool,
    rows: u64,
    /// It was refused; the rest of it is discarded.
    refused: bool,
}

impl Worker {
    pub(crate) fn new(
        index: u32,
        target: Option<Target>,
        run_id: String,
        streaming: bool,
        trouble: mpsc::UnboundedSender<OutputFailure>,
        means: Means,
    ) -> Self {
        Self {
            index,
            target,
            run_id,
            streaming,
            trouble,
            means,
            schema: None,
            sink: None,
            collected: None,
            rows: 0,
            preview: None,
            spoiled: None,
            table: None,
            kept_back: None,
            columns: None,
        }
    }

    /// Works until there are no more commands, or the run has ended.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Finished {
        while let Some(command) = commands.blocking_recv() {
            if self.means.is_closed() {
                self.spoiled = Some(ENDED.into());
                break;
            }
            // A panic here ends the run, because the script waits for an answer.
            let done = guarded(|| self.obey(command)).unwrap_or_else(|panicked| {
                let broken = format!("the writer of output {} failed: {}", self.index, panicked.words);
                Err(Failure::Fatal(OutputFailure::Write(broken)))
            });
            match done {
                Ok(()) => {}
                Err(Failure::Refused(reason)) => self.refuse(reason),
                Err(Failure::Stopped) => {
                    self.spoiled = Some(ENDED.into());
                    break;
                }
                Err(Failure::Fatal(trouble)) => {
                    self.spoiled = Some("the run failed while it was written".into());
                    // Without a receiver the run has ended already.
                    let _ = self.trouble.send(trouble);
                    break;
                }
            }
        }
        self.finish()
    }

    fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Open { stream, outgoing } => {
                let decoder = TableDecoder::untrusting(&self.means.memory);
                self.table = Some(Table {
                    stream,
                    outgoing,
                    decoder,
                    matching: None,
                    is_first: true,
                    as_it_is: false,
                    rows: 0,
                    refused: false,
                });
                Ok(())
            }
            Command::Piece(piece) => self.take(piece),
            Command::End => self.end(),
            Command::Abandon => self.abandon(),
        }
    }

    fn take(&mut self, piece: Piece) -> Result<(), Failure> {
        let means = self.means.clone();
        let (Some(first), Some(mut desk)) = (self.table.as_ref().map(|table| table.is_first), means.desk()) else {
            return Ok(());
        };
        let (mut rows, mut refused) = (0, Ok(()));
        if first && self.target.as_ref().is_some_and(|target| target.place.is_in_memory()) {
            match self.read_columns(&piece, &mut desk.copy) {
                Ok(start) => rows = start,
                // The arena is returned before the script is told.
                Err(failure) => refused = Err(failure),
            }
        }
        if refused.is_ok() && self.table.as_ref().is_some_and(|table| table.as_it_is && !table.refused) {
            return self.copy(piece, rows);
        }
        let Some(table) = &mut self.table else { return Ok(()) };
        let (mut bytes, _memory) = match piece {
            Piece::Inline(bytes, memory) => (Buffer::from_vec(bytes), memory),
            Piece::Arena { memory, with_script, arena, length } => {
                let mut copy = std::mem::take(&mut desk.copy);
                memory.copy_out(length, &mut copy)?;
                with_script.store(true, Ordering::Release);
                // A script that is gone needs no arena.
                let _ = table.outgoing.blocking_send(Frame::new(&ToScript::Return { arena }));
                (Buffer::from_vec(copy), None)
            }
        };
        refused?;
        let whole = bytes.clone();
        bytes.advance(usize::try_from(rows).unwrap_or(usize::MAX).min(bytes.len()));
        while let Some(table) = self.table.as_mut().filter(|table| !table.refused) {
            let decoded = table.decoder.next(&mut bytes)?;
            if let (None, Some(schema)) = (&table.matching, table.decoder.schema().cloned()) {
                self.begin(&schema)?;
            }
            let Some(decoded) = decoded else { break };
            self.write(&decoded.batch)?;
        }
        drop(bytes);
        // The buffer is reused for the next copy: the decoder keeps no reference to it.
        if let Ok(copy) = whole.into_vec::<u8>() {
            desk.copy = copy;
        }
        Ok(())
    }

    /// Begins a table when its columns are known.
    fn begin(&mut self, table_schema: &Schema) -> Result<(), Failure> {
        if table_schema.fields().is_empty() {
            // A frame without columns, such as an empty one of pandas: valid, with nothing to write.
            return Ok(());
        }
        let schema = match self.schema.clone() {
            Some(schema) => match widened(&schema, table_schema) {
                Some(wider) => self.widen(wider)?,
                None => schema,
            },
            None => {
                // The decoder's reservation ends with the table; this one lasts as long as the output.
                let taken = self.table.as_ref().map_or(0, |table| table.decoder.schema_bytes());
                self.columns = Some(self.means.memory.take(taken)?);
                let schema = first_schema(table_schema);
                if self.target.as_ref().is_some_and(|target| target.place.is_in_memory()) {
                    self.collected = Some(Collected::new(table_schema, &schema)?);
                } else if let Some(target) = &self.target {
                    let created = create(target, &schema, &self.run_id, self.streaming);
                    let (sink, pending) = created.map_err(|error| refusal(error, &self.means))?;
                    self.sink = Some((sink.within(&self.means.allowance), pending));
                } else {
                    self.preview = Some(preview_of(&schema));
                }
                Arc::clone(self.schema.insert(schema))
            }
        };
        let matching = Matching::new(&schema, table_schema).map_err(Failure::Refused)?;
        if let Some(table) = &mut self.table {
            table.matching = Some(matching);
        }
        Ok(())
    }

    /// Makes room for decimals of more digits than the first table had.
    fn widen(&mut self, wider: SchemaRef) -> Result<SchemaRef, Failure> {
        if let Some((sink, _)) = &mut self.sink
            && !sink.widen(&wider).map_err(|error| refusal(error, &self.means))?
        {
            let (Some(target), Some((sink, pending))) = (&self.target, self.sink.take()) else { return Ok(wider) };
            let rewritten = rewrite(target, sink, pending, &wider, &self.run_id, &self.means.allowance);
            self.sink = Some(rewritten.map_err(|error| refusal(error, &self.means))?);
        }
        if let Some(collected) = self.collected.take() {
            self.collected = Some(collected.widened(&wider, &self.means)?);
        }
        self.schema = Some(Arc::clone(&wider));
        Ok(wider)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let (Some(table), Some(schema)) = (&mut self.table, &self.schema) else {
            return Ok(());
        };
        let Some(matching) = &table.matching else {
            return Ok(());
        };
        if let Some(preview) = &mut self.preview {
            add_rows(preview, schema, batch);
        }
        if self.sink.is_none() && self.collected.is_none() && matching.is_certain(schema, &batch.schema()) {
            // It is not written anywhere, and always converts.
            table.rows += batch.num_rows() as u64;
            return Ok(());
        }
        let expansion = self.sink.as_ref().map_or(2, |(sink, _)| sink.expansion());
        for piece in cut(batch, schema, PIECE_WEIGHT) {
            if self.means.is_closed() {
                return Err(Failure::Stopped);
            }
            let memory = &self.means.memory;
            let over = OverBudget { wanted: u64::MAX, limit: memory.limit() };
            let weight = weight(&piece, schema, memory.limit()).ok_or(over)?;
            let _memory = memory.take(weight.saturating_mul(expansion))?;
            let piece = matching.apply(schema, &piece).map_err(Failure::Refused)?;
            if let Some((sink, pending)) = &mut self.sink {
                sink.write(&piece).map_err(|error| refusal(error, &self.means))?;
                if matches!(pending, Pending::Sent) {
                    sink.flush().map_err(|error| refusal(error, &self.means))?;
                }
                hold(sink, &mut self.kept_back, &self.means)?;
            }
            if let Some(collected) = &mut self.collected {
                collected.encode(&piece, &self.means)?;
            }
            table.rows += piece.num_rows() as u64;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(table) = self.table.take_if(|table| !table.refused) else {
            self.table = None;
            return Ok(());
        };
        table.decoder.finish()?;
        if let Some(collected) = &mut self.collected {
            collected.end_table(table.as_it_is && table.decoder.has_ended())?;
        }
        self.rows += table.rows;
        let accepted = ToScript::Accepted { stream: table.stream, rows: table.rows };
        // A script that is gone needs no answer.
        let _ = table.outgoing.blocking_send(Frame::new(&accepted));
        Ok(())
    }

    fn refuse(&mut self, reason: String) {
        let Some(table) = &mut self.table else { return };
        table.refused = true;
        if table.rows > 0 {
            self.spoiled = Some(format!("output {} contains a part of a refused table: {reason}", self.index));
        }
        let dropped = ToScript::Drop { stream: table.stream, reason };
        let _ = table.outgoing.blocking_send(Frame::new(&dropped));
    }

    fn abandon(&mut self) -> Result<(), Failure> {
        if let Some(table) = self.table.take().filter(|table| table.rows > 0 && !table.refused) {
            let rows = table.rows;
            self.spoiled = Some(format!("output {} was abandoned after {rows} rows of a table", self.index));
        }
        if let Some(collected) = &mut self.collected {
            collected.drop_table()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Finished {
        let spoiled = self.spoiled.take();
        let mut finished = Finished {
            index: self.index,
            rows: self.rows,
            bytes: 0,
            notes: Vec::new(),
            file: None,
            preview: self.preview.take(),
            changed: Vec::new(),
            spoiled,
        };
        if let (Some((sink, pending)), None) = (self.sink.take(), &finished.spoiled) {
            finished.notes = sink.notes();
            match sink.finish() {
                Ok(bytes) => {
                    finished.bytes = bytes;
                    finished.file = Some(pending);
                }
                Err(error) => {
                    finished.spoiled = Some(error.to_string());
                    let _ = self.trouble.send(unwritten(&error, &self.means));
                }
            }
        }
        if let (Some(collected), None) = (self.collected.take(), &finished.spoiled) {
            match collected.finish() {
                Ok((segment, memory, changed)) => {
                    (finished.bytes, finished.changed) = (segment.length(), changed);
                    finished.file = Some(Pending::Segment(segment, memory));
                }
                Err(failure) => {
                    finished.spoiled = Some("it could not be sealed".into());
                    let _ = self.trouble.send(failure);
                }
            }
        }
        finished
    }
}
