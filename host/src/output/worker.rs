//! One output's worker: it copies what the script wrote out of shared memory, checks and decodes it, and writes it.
//! Nothing of the script's is looked at in place, because the script can still write there.

use super::Target;
use super::pending::{Pending, create, rewrite};
use crate::session::Outgoing;
use crate::table::{Sink, TableError, guarded};
use arrow_buffer::Buffer;
use arrow_schema::{Schema, SchemaRef};
use longshore_protocol::{ArenaId, Frame, StreamId, ToScript};
use longshore_segment::{LentArena, Matching, SegmentError, TableDecoder, first_schema, widened};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Bytes of an output, where they are.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Here.
    Inline(Vec<u8>),
    /// At the start of an arena, which goes back to the script once they are copied.
    Arena { memory: Arc<LentArena>, with_script: Arc<AtomicBool>, arena: ArenaId, length: u64 },
}

impl Piece {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Arena { length, .. } => *length,
        }
    }
}

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    Open { stream: StreamId, outgoing: Outgoing },
    Piece(Piece),
    End,
    Abandon,
}

/// Something that ends the run.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The script sent what is no table.
    Violation(String),
    /// The script sent too much.
    Limit(String),
    /// The output cannot be written.
    Write(String),
    /// Nobody reads standard output any more.
    ReaderGone,
}

/// An output that was written, or tried to.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Position, from 0.
    pub(crate) index: u32,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// What a person should know of how it was written.
    pub(crate) notes: Vec<String>,
    /// The file to publish; `None` where the output has no target, or nothing was written.
    pub(crate) file: Option<Pending>,
    /// Why it may not be published.
    pub(crate) spoiled: Option<String>,
}

impl Finished {
    /// What a person should know of how it was written, with its number.
    pub(crate) fn all_notes(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| format!("output {}: {note}", self.index))
    }
}

/// A worker before it runs.
pub(crate) struct Worker {
    index: u32,
    target: Option<Target>,
    run_id: String,
    streaming: bool,
    trouble: mpsc::UnboundedSender<Trouble>,
    stopped: Arc<AtomicBool>,
    schema: Option<SchemaRef>,
    sink: Option<(Sink, Pending)>,
    rows: u64,
    spoiled: Option<String>,
    table: Option<Table>,
    copy: Vec<u8>,
}

/// A table that is coming in.
struct Table {
    stream: StreamId,
    outgoing: Outgoing,
    decoder: TableDecoder,
    matching: Option<Matching>,
    rows: u64,
    /// It was refused; what still comes of it is thrown away.
    refused: bool,
}

/// Why a piece was not taken.
enum Failure {
    /// The script is told, and may go on.
    Refused(String),
    /// The run ends.
    Fatal(Trouble),
}

impl From<SegmentError> for Failure {
    fn from(error: SegmentError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Fatal(Trouble::Violation(format!("an output is {}{cause}", error.to_string().trim_start_matches("the "))))
    }
}

impl Worker {
    pub(crate) fn new(
        index: u32,
        target: Option<Target>,
        run_id: String,
        streaming: bool,
        trouble: mpsc::UnboundedSender<Trouble>,
        stopped: Arc<AtomicBool>,
    ) -> Self {
        Self {
            index,
            target,
            run_id,
            streaming,
            trouble,
            stopped,
            schema: None,
            sink: None,
            rows: 0,
            spoiled: None,
            table: None,
            copy: Vec::new(),
        }
    }

    /// Works until there are no more commands, or nobody wants what it writes.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Finished {
        while let Some(command) = commands.blocking_recv() {
            if self.stopped.load(Ordering::Acquire) {
                self.spoiled = Some("the run ended while it was written".into());
                break;
            }
            // What breaks here ends its run: the script waits for an answer.
            let done = guarded(|| self.obey(command)).unwrap_or_else(|panicked| {
                let broken = format!("the writer of output {} gave up: {}", self.index, panicked.words);
                Err(Failure::Fatal(Trouble::Write(broken)))
            });
            match done {
                Ok(()) => {}
                Err(Failure::Refused(reason)) => self.refuse(reason),
                Err(Failure::Fatal(trouble)) => {
                    self.spoiled = Some("the run failed while it was written".into());
                    // The run has ended already when nobody listens.
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
                let decoder = TableDecoder::untrusting();
                self.table = Some(Table { stream, outgoing, decoder, matching: None, rows: 0, refused: false });
                Ok(())
            }
            Command::Piece(piece) => self.take(piece),
            Command::End => self.end(),
            Command::Abandon => {
                self.abandon();
                Ok(())
            }
        }
    }

    fn take(&mut self, piece: Piece) -> Result<(), Failure> {
        let Some(table) = &mut self.table else {
            return Ok(());
        };
        let mut bytes = match piece {
            Piece::Inline(bytes) => Buffer::from_vec(bytes),
            Piece::Arena { memory, with_script, arena, length } => {
                let mut copy = std::mem::take(&mut self.copy);
                memory.copy_out(length, &mut copy)?;
                with_script.store(true, Ordering::Release);
                // A script that is gone needs no arena.
                let _ = table.outgoing.blocking_send(Frame::new(&ToScript::Return { arena }));
                Buffer::from_vec(copy)
            }
        };
        let whole = bytes.clone();
        while let Some(table) = self.table.as_mut().filter(|table| !table.refused) {
            let decoded = table.decoder.next(&mut bytes)?;
            if let (None, Some(schema)) = (&table.matching, table.decoder.schema().cloned()) {
                self.begin(&schema)?;
            }
            let Some(decoded) = decoded else { break };
            self.write(&decoded.batch)?;
        }
        drop(bytes);
        // The next copy goes where this one was, unless something still points there.
        if let Ok(copy) = whole.into_vec::<u8>() {
            self.copy = copy;
        }
        Ok(())
    }

    /// A table's columns are known.
    fn begin(&mut self, table_schema: &Schema) -> Result<(), Failure> {
        if table_schema.fields().is_empty() {
            // A frame without columns, as pandas makes of nothing: there is nothing to write, and nothing wrong.
            return Ok(());
        }
        let schema = match self.schema.clone() {
            Some(schema) => match widened(&schema, table_schema) {
                Some(wider) => self.widen(wider)?,
                None => schema,
            },
            None => {
                let schema = first_schema(table_schema);
                if let Some(target) = &self.target {
                    self.sink = Some(create(target, &schema, &self.run_id, self.streaming).map_err(refusal)?);
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
            && !sink.widen(&wider).map_err(refusal)?
        {
            let (Some(target), Some((sink, pending))) = (&self.target, self.sink.take()) else { return Ok(wider) };
            self.sink = Some(rewrite(target, sink, pending, &wider, &self.run_id).map_err(refusal)?);
        }
        self.schema = Some(Arc::clone(&wider));
        Ok(wider)
    }

    fn write(&mut self, batch: &arrow_array::RecordBatch) -> Result<(), Failure> {
        let (Some(table), Some(schema)) = (&mut self.table, &self.schema) else {
            return Ok(());
        };
        let Some(matching) = &table.matching else {
            return Ok(());
        };
        let batch = matching.apply(schema, batch).map_err(Failure::Refused)?;
        // A batch without rows adds nothing.
        if let Some((sink, pending)) = self.sink.as_mut().filter(|_| batch.num_rows() > 0) {
            sink.write(&batch).map_err(refusal)?;
            if matches!(pending, Pending::Sent) {
                sink.flush().map_err(refusal)?;
            }
        }
        table.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(table) = self.table.take_if(|table| !table.refused) else {
            self.table = None;
            return Ok(());
        };
        table.decoder.finish()?;
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
            self.spoiled = Some(format!("output {} has a part of a table that was refused: {reason}", self.index));
        }
        let dropped = ToScript::Drop { stream: table.stream, reason };
        let _ = table.outgoing.blocking_send(Frame::new(&dropped));
    }

    fn abandon(&mut self) {
        if let Some(table) = self.table.take().filter(|table| table.rows > 0 && !table.refused) {
            let rows = table.rows;
            self.spoiled = Some(format!("output {} was given up after {rows} rows of a table", self.index));
        }
    }

    fn finish(mut self) -> Finished {
        let spoiled = self.spoiled.take();
        let mut finished =
            Finished { index: self.index, rows: self.rows, bytes: 0, notes: Vec::new(), file: None, spoiled };
        if let (Some((sink, pending)), None) = (self.sink.take(), &finished.spoiled) {
            finished.notes = sink.notes();
            match sink.finish() {
                Ok(bytes) => {
                    finished.bytes = bytes;
                    finished.file = Some(pending);
                }
                Err(error) => {
                    finished.spoiled = Some(error.to_string());
                    let _ = self.trouble.send(unwritten(&error));
                }
            }
        }
        finished
    }
}

/// A type that the format cannot hold is the script's to change; a disk that is full is not.
fn refusal(error: TableError) -> Failure {
    if error.is_about_data() { Failure::Refused(error.to_string()) } else { Failure::Fatal(unwritten(&error)) }
}

/// A table that cannot be written, or that nobody reads any more.
fn unwritten(error: &TableError) -> Trouble {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let is_closed = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if causes.any(|cause| cause.downcast_ref().is_some_and(is_closed)) {
        Trouble::ReaderGone
    } else {
        Trouble::Write(error.to_string())
    }
}
