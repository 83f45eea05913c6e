//! The inputs of a run: decoded once, kept as one segment each where they fit, and served as often as the script
//! reads them. Inputs that do not fit are decoded again for each reader and pass through a bounded window, as streams
//! do, chunk by chunk.

mod credit;
mod serve;

pub(crate) use credit::Credit;
pub(crate) use serve::{Recipient, serve};

use arrow_array::{Array, RecordBatch};
use longshore_protocol::ProtocolError;
use longshore_segment::{Budget, OverBudget, Segment, SegmentError, SegmentStream, Taken, write_whole};
use longshore_table::{TableError, TableSource, budget, guarded};
use std::sync::Arc;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc};

/// Largest table that is kept as one segment, in bytes of decoded values, on a machine with plenty of memory.
const WHOLE_MAX: u64 = 64 << 30;

/// What a table takes while it is made whole, as a multiple of its values: its decoded batches and its segment exist side
/// by side for a moment.
const WHOLE_FACTOR: u64 = 2;

/// Bytes of a segment on the way to a reader that takes batches.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Decoders that an input may have at a time, where it is read in batches: each has a window of 64 MiB, and 48 MiB besides.
const DECODERS_MAX: usize = 4;

/// The inputs of one run.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    inputs: Vec<Option<Arc<Input>>>,
}

/// One input.
#[derive(Debug)]
pub(crate) struct Input {
    feed: TableSource,
    /// Rows of a chunk, where the run transforms a stream.
    chunk_rows: Option<usize>,
    whole: OnceCell<Option<Arc<Whole>>>,
    decoders: Arc<Semaphore>,
    memory: Budget,
}

/// A whole table.
#[derive(Debug)]
struct Whole {
    segment: Segment,
    /// Given back with it.
    _memory: Taken,
}

impl Inputs {
    /// Inputs by number; `None` where nothing is connected. A run that transforms a stream says how large its chunks
    /// are.
    pub(crate) fn new(feeds: Vec<Option<TableSource>>, chunk_rows: Option<usize>) -> Self {
        let input = |feed| Arc::new(Input::new(feed, chunk_rows));
        Self { inputs: feeds.into_iter().map(|feed| feed.map(input)).collect() }
    }

    /// Where their rows come from, by number.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = Option<&TableSource>> {
        self.inputs.iter().map(|input| input.as_ref().map(|input| &input.feed))
    }

    /// The same with other rows for some of them. The rest is shared: decoded once, whoever reads it.
    pub(crate) fn with(&self, feeds: impl Iterator<Item = Option<TableSource>>) -> Self {
        let input = |(known, feed): (&Option<Arc<Input>>, Option<TableSource>)| match feed {
            Some(feed) => Some(Arc::new(Input::new(feed, None))),
            None => known.clone(),
        };
        Self { inputs: self.inputs.iter().zip(feeds).map(input).collect() }
    }

    /// The numbers of those that something is connected to.
    pub(crate) fn connected(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().enumerate().filter(|(_, input)| input.is_some()).map(|(number, _)| number)
    }

    pub(crate) fn get(&self, number: u32) -> Option<Arc<Input>> {
        self.inputs.get(usize::try_from(number).ok()?)?.clone()
    }

    /// Decodes in advance, while the interpreter starts: most scripts read their inputs first thing.
    pub(crate) fn decode_ahead(&self) {
        for input in self.inputs.iter().flatten().filter(|input| input.chunk_rows.is_none()) {
            let input = Arc::clone(input);
            // What fails here fails again, and is told, when the script reads.
            tokio::spawn(async move { drop(input.whole().await) });
        }
    }
}

impl Input {
    fn new(feed: TableSource, chunk_rows: Option<usize>) -> Self {
        let decoders = Arc::new(Semaphore::new(DECODERS_MAX));
        Self { feed, chunk_rows, whole: OnceCell::new(), decoders, memory: budget::host().clone() }
    }

    /// Waits for a place to decode at.
    async fn decoder(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.decoders).acquire_owned().await;
        place.expect("nobody closes the places of an input")
    }

    /// The table as one segment, where it has been made.
    fn whole_if_there(&self) -> Option<Arc<Whole>> {
        self.whole.get().cloned().flatten()
    }

    /// The table as one segment; `None` where it is too large for that.
    async fn whole(self: &Arc<Self>) -> Result<Option<Arc<Whole>>, InputError> {
        let load = || {
            let input = Arc::clone(self);
            async move {
                let loaded = tokio::task::spawn_blocking(move || guarded(|| input.load())).await;
                loaded
                    .map_err(|_| InputError::Stopped)?
                    .unwrap_or_else(|panicked| Err(InputError::GaveUp(panicked.words)))
            }
        };
        self.whole.get_or_try_init(load).await.cloned()
    }

    fn load(&self) -> Result<Option<Arc<Whole>>, InputError> {
        let mut memory = self.memory.take(0)?;
        let mut fits = |bytes: u64| bytes <= WHOLE_MAX && memory.resize(bytes.saturating_mul(WHOLE_FACTOR)).is_ok();
        let segment = match self.feed.segment(&mut fits) {
            Some(segment) => segment,
            None => {
                let mut batches: Vec<RecordBatch> = Vec::new();
                let mut bytes = 0_u64;
                for batch in self.feed.stored()?.ok_or(InputError::Live)? {
                    let batch = batch?;
                    bytes = bytes.saturating_add(values(&batch));
                    if !fits(bytes) {
                        return Ok(None);
                    }
                    batches.push(batch);
                }
                write_whole(&self.feed.schema(), batches)?
            }
        };
        // The batches are gone. What a segment has besides the values is little, so that this gives back.
        memory.resize(segment.length().min(memory.bytes()))?;
        Ok(Some(Arc::new(Whole { segment, _memory: memory })))
    }

    /// Decodes into segments, one after the other, until nobody takes them any more. The last word is the end or an error:
    /// a channel that closes without one is a decoder that broke.
    fn decode(&self, segments: &mpsc::Sender<Result<Decoded, InputError>>) {
        let decoded = guarded(|| self.decode_all(segments));
        let last = match decoded.unwrap_or_else(|panicked| Err(InputError::GaveUp(panicked.words))) {
            Ok(()) => Ok(Decoded::End),
            Err(error) => Err(error),
        };
        // A reader that has gone needs no last word.
        let _ = segments.blocking_send(last);
    }

    fn decode_all(&self, segments: &mpsc::Sender<Result<Decoded, InputError>>) -> Result<(), InputError> {
        let mut stream = SegmentStream::new(&self.feed.schema())?;
        let batches = match self.chunk_rows {
            Some(rows) => self.feed.chunks(rows)?.ok_or(InputError::Passed)?,
            // As they come: the reader cuts them, which copies nothing.
            None => self.feed.stored()?.ok_or(InputError::Live)?,
        };
        for batch in batches {
            if segments.is_closed() {
                return Ok(());
            }
            stream.write(&batch?)?;
            // A chunk goes out at once: the next may be long in coming.
            let full = self.chunk_rows.is_some() || stream.length() >= SEGMENT_BYTES;
            if full && segments.blocking_send(Ok(Decoded::Segment(stream.cut()?))).is_err() {
                return Ok(());
            }
        }
        if stream.length() > 0 {
            // A reader that has gone needs no last segment.
            let _ = segments.blocking_send(Ok(Decoded::Segment(stream.cut()?)));
        }
        Ok(())
    }
}

/// Bytes of a batch's values. Columns that share one buffer, as Arrow files have them, count once.
fn values(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64).sum()
}

/// What decoding gives, piece by piece.
#[derive(Debug)]
enum Decoded {
    Segment(Segment),
    /// That was all.
    End,
}

impl InputError {
    /// What the script is told, which is no path of the host's.
    fn for_script(&self) -> String {
        match self {
            Self::Table(error) => error.without_path(),
            other => other.to_string(),
        }
    }
}

/// An input cannot be served.
#[derive(Debug, thiserror::Error)]
enum InputError {
    /// It cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It cannot be put into shared memory.
    #[error("it cannot be put into shared memory: {0}")]
    Segment(#[from] SegmentError),
    /// It is asked for whole, and may never end.
    #[error("it comes as it is made, and cannot be read whole")]
    Live,
    /// It is asked for again.
    #[error("it has passed already: a stream can be read once")]
    Passed,
    /// Too many readings of it are under way.
    #[error("it is being read in batches {DECODERS_MAX} times already: end or drop one of them first")]
    Busy,
    /// There is no thread to decode it with.
    #[error("cannot start a thread to read it with: {0}")]
    Thread(std::io::Error),
    /// There is no memory for it.
    #[error("it cannot be read: {0}")]
    OverBudget(#[from] OverBudget),
    /// What decodes it gave up.
    #[error("its reader gave up: {0}")]
    GaveUp(String),
    /// What decodes it stopped without a last word.
    #[error("its reader has stopped before its end")]
    Stopped,
    /// The script broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}
