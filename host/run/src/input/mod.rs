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

/// Memory of a table while it is made whole, as a multiple of its values: its decoded batches and its segment exist at
/// the same time for a moment.
const WHOLE_FACTOR: u64 = 2;

/// Bytes of a segment on the way to a reader that takes batches.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Decoders of an input at a time, when it is read in batches: each has a window of 64 MiB, and 48 MiB besides.
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
    /// Rows of a chunk, if the run transforms a stream.
    chunk_rows: Option<usize>,
    whole: OnceCell<Option<Arc<Whole>>>,
    decoders: Arc<Semaphore>,
    memory: Budget,
}

/// A whole table.
#[derive(Debug)]
struct Whole {
    segment: Segment,
    /// Given back together with the segment.
    _memory: Taken,
}

impl Inputs {
    /// Inputs by number; `None` where nothing is connected. `chunk_rows` is the size of chunks if the run transforms a
    /// stream.
    pub(crate) fn new(feeds: Vec<Option<TableSource>>, chunk_rows: Option<usize>) -> Self {
        let input = |feed| Arc::new(Input::new(feed, chunk_rows));
        Self { inputs: feeds.into_iter().map(|feed| feed.map(input)).collect() }
    }

    /// Their table sources, by number.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = Option<&TableSource>> {
        self.inputs.iter().map(|input| input.as_ref().map(|input| &input.feed))
    }

    /// The same inputs with other rows for some of them. The rest is shared, and decoded once.
    pub(crate) fn with(&self, feeds: impl Iterator<Item = Option<TableSource>>) -> Self {
        let input = |(known, feed): (&Option<Arc<Input>>, Option<TableSource>)| match feed {
            Some(feed) => Some(Arc::new(Input::new(feed, None))),
            None => known.clone(),
        };
        Self { inputs: self.inputs.iter().zip(feeds).map(input).collect() }
    }

    /// The numbers of the connected inputs.
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
            // An error here occurs again, and is reported, when the script reads.
            tokio::spawn(async move { drop(input.whole().await) });
        }
    }
}

impl Input {
    fn new(feed: TableSource, chunk_rows: Option<usize>) -> Self {
        let decoders = Arc::new(Semaphore::new(DECODERS_MAX));
        Self { feed, chunk_rows, whole: OnceCell::new(), decoders, memory: budget::host().clone() }
    }

    /// Waits for a free decoder.
    async fn decoder(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.decoders).acquire_owned().await;
        place.expect("the semaphore of an input is never closed")
    }

    /// The table as one segment, if it has been made.
    fn whole_if_there(&self) -> Option<Arc<Whole>> {
        self.whole.get().cloned().flatten()
    }

    /// The table as one segment; `None` if it is too large for that.
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
        // The batches are freed. A segment is little larger than its values, so this gives memory back.
        memory.resize(segment.length().min(memory.bytes()))?;
        Ok(Some(Arc::new(Whole { segment, _memory: memory })))
    }

    /// Decodes into segments, one after the other, until the receiver is dropped. The last message is the end or an
    /// error: a channel that closes without one means that the decoder panicked.
    fn decode(&self, segments: &mpsc::Sender<Result<Decoded, InputError>>) {
        let decoded = guarded(|| self.decode_all(segments));
        let last = match decoded.unwrap_or_else(|panicked| Err(InputError::GaveUp(panicked.words))) {
            Ok(()) => Ok(Decoded::End),
            Err(error) => Err(error),
        };
        // A reader that is gone needs no last message.
        let _ = segments.blocking_send(last);
    }

    fn decode_all(&self, segments: &mpsc::Sender<Result<Decoded, InputError>>) -> Result<(), InputError> {
        let mut stream = SegmentStream::new(&self.feed.schema())?;
        let batches = match self.chunk_rows {
            Some(rows) => self.feed.chunks(rows)?.ok_or(InputError::Passed)?,
            // As stored: the reader slices them without copying.
            None => self.feed.stored()?.ok_or(InputError::Live)?,
        };
        for batch in batches {
            if segments.is_closed() {
                return Ok(());
            }
            stream.write(&batch?)?;
            // A chunk is sent at once: the next may take long to arrive.
            let full = self.chunk_rows.is_some() || stream.length() >= SEGMENT_BYTES;
            if full && segments.blocking_send(Ok(Decoded::Segment(stream.cut()?))).is_err() {
                return Ok(());
            }
        }
        if stream.length() > 0 {
            // A reader that is gone needs no last segment.
            let _ = segments.blocking_send(Ok(Decoded::Segment(stream.cut()?)));
        }
        Ok(())
    }
}

/// Bytes of a batch's values. Of a buffer that several columns share, as in Arrow files, each counts its own slice.
fn values(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64).sum()
}

/// The pieces that decoding yields.
#[derive(Debug)]
enum Decoded {
    Segment(Segment),
    /// The end of the table.
    End,
}

impl InputError {
    /// The text for the script, without paths of the host.
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
    #[error("it cannot be copied to shared memory: {0}")]
    Segment(#[from] SegmentError),
    /// It is requested whole, but may never end.
    #[error("it is a stream, which may never end, and cannot be read whole")]
    Live,
    /// It is requested again.
    #[error("it has been read already: a stream can be read only once")]
    Passed,
    /// It has too many readers.
    #[error("it has {DECODERS_MAX} batch readers already: finish or drop one of them first")]
    Busy,
    /// There is no thread to decode it with.
    #[error("cannot start a thread to read it: {0}")]
    Thread(std::io::Error),
    /// It exceeds the memory budget.
    #[error("it cannot be read: {0}")]
    OverBudget(#[from] OverBudget),
    /// Its decoder panicked.
    #[error("its reader failed: {0}")]
    GaveUp(String),
    /// Its decoder stopped without a last message.
    #[error("its reader stopped before the end of the table")]
    Stopped,
    /// The script broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}
