//! The inputs of a run: decoded once, kept as one segment each where they fit, and served as often as the script
//! reads them. Inputs that do not fit are decoded again for each reader and pass through a bounded window, as streams
//! do, chunk by chunk.

use crate::budget::available_memory;
use crate::session::Outgoing;
use crate::table::{Feed, TableError, guarded};
use arrow_array::{Array, RecordBatch};
use longshore_protocol::{Delivery, Frame, Payload, ProtocolError, SendWindow, StreamId, ToScript};
use longshore_segment::{Segment, SegmentError, SegmentStream, write_whole};
use std::sync::Arc;
use tokio::sync::{OnceCell, mpsc};

/// Largest table that is kept as one segment, in bytes of decoded values, on a machine with plenty of memory.
const WHOLE_MAX: u64 = 64 << 30;

/// Of the memory that is available, the part that one whole table may take: its decoded batches and its segment
/// exist side by side for a moment, and the script works on a table of its own.
const WHOLE_SHARE: u64 = 3;

/// Bytes of a segment on the way to a reader that takes batches.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Segments that may wait between decoding and sending.
const DECODED_AHEAD: usize = 2;

/// The inputs of one run.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    inputs: Vec<Option<Arc<Input>>>,
}

/// One input.
#[derive(Debug)]
pub(crate) struct Input {
    feed: Feed,
    /// Rows of a chunk, where the run transforms a stream.
    chunk_rows: Option<usize>,
    whole: OnceCell<Option<Arc<Segment>>>,
}

impl Inputs {
    /// Inputs by number; `None` where nothing is connected. A run that transforms a stream says how large its chunks
    /// are.
    pub(crate) fn new(feeds: Vec<Option<Feed>>, chunk_rows: Option<usize>) -> Self {
        let input = |feed| Arc::new(Input { feed, chunk_rows, whole: OnceCell::new() });
        Self { inputs: feeds.into_iter().map(|feed| feed.map(input)).collect() }
    }

    /// Where their rows come from, by number.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = Option<&Feed>> {
        self.inputs.iter().map(|input| input.as_ref().map(|input| &input.feed))
    }

    /// The same with other rows for some of them. The rest is shared: decoded once, whoever reads it.
    pub(crate) fn with(&self, feeds: impl Iterator<Item = Option<Feed>>) -> Self {
        let input = |(known, feed): (&Option<Arc<Input>>, Option<Feed>)| match feed {
            Some(feed) => Some(Arc::new(Input { feed, chunk_rows: None, whole: OnceCell::new() })),
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
    /// The table as one segment; `None` where it is too large for that.
    async fn whole(self: &Arc<Self>) -> Result<Option<Arc<Segment>>, InputError> {
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

    fn load(&self) -> Result<Option<Arc<Segment>>, InputError> {
        let limit = WHOLE_MAX.min(available_memory() / WHOLE_SHARE);
        if let Some(segment) = self.feed.segment(limit) {
            return Ok(Some(Arc::new(segment)));
        }
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut bytes = 0;
        for batch in self.feed.stored()?.ok_or(InputError::Live)? {
            let batch = batch?;
            bytes += values(&batch);
            if bytes > limit {
                return Ok(None);
            }
            batches.push(batch);
        }
        Ok(Some(Arc::new(write_whole(&self.feed.schema(), batches)?)))
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

/// Serves one reading of an input, within its credit.
pub(crate) async fn serve(
    input: Arc<Input>,
    stream: StreamId,
    delivery: Delivery,
    outgoing: Outgoing,
    acknowledged: mpsc::UnboundedReceiver<u64>,
) {
    let mut credit = Credit { window: SendWindow::new(stream), acknowledged };
    let message = match send_all(&input, stream, delivery, &outgoing, &mut credit).await {
        Ok(true) => ToScript::End { stream },
        Ok(false) => return,
        Err(error) => ToScript::Drop { stream, reason: error.to_string() },
    };
    // A script that is gone needs no answer.
    let _ = outgoing.send(Frame::new(&message)).await;
}

/// Sends the whole table. Returns `false` when the reader wants no more.
async fn send_all(
    input: &Arc<Input>,
    stream: StreamId,
    delivery: Delivery,
    outgoing: &Outgoing,
    credit: &mut Credit,
) -> Result<bool, InputError> {
    let whole = match delivery {
        Delivery::Whole => input.whole().await?,
        Delivery::Batches => input.whole.get().cloned().flatten(),
    };
    if let Some(whole) = whole {
        return send(&whole, stream, outgoing, credit).await;
    }
    let (segments, mut decoded) = mpsc::channel(DECODED_AHEAD);
    let source = Arc::clone(input);
    // Its last word comes through the channel, whatever happens to it.
    drop(tokio::task::spawn_blocking(move || source.decode(&segments)));
    while let Some(word) = decoded.recv().await {
        match word? {
            Decoded::Segment(segment) => {
                if !send(&segment, stream, outgoing, credit).await? {
                    return Ok(false);
                }
            }
            Decoded::End => return Ok(true),
        }
    }
    Err(InputError::Stopped)
}

async fn send(
    segment: &Segment,
    stream: StreamId,
    outgoing: &Outgoing,
    credit: &mut Credit,
) -> Result<bool, InputError> {
    if !credit.wait_for(segment.length()).await? {
        return Ok(false);
    }
    let payload = Payload::Descriptor { descriptor: segment.share()?, length: segment.length() };
    Ok(outgoing.send(Frame::with(&ToScript::Data { stream }, payload)).await.is_ok())
}

/// The credit of one reading.
struct Credit {
    window: SendWindow,
    acknowledged: mpsc::UnboundedReceiver<u64>,
}

impl Credit {
    /// Waits until `bytes` may go, and counts them. Returns `false` when the reader has dropped the stream.
    async fn wait_for(&mut self, bytes: u64) -> Result<bool, ProtocolError> {
        loop {
            while let Ok(acknowledged) = self.acknowledged.try_recv() {
                self.window.acknowledged(acknowledged)?;
            }
            if self.acknowledged.is_closed() {
                return Ok(false);
            }
            if self.window.admits(bytes) {
                self.window.sent(bytes);
                return Ok(true);
            }
            match self.acknowledged.recv().await {
                Some(acknowledged) => self.window.acknowledged(acknowledged)?,
                None => return Ok(false),
            }
        }
    }
}
