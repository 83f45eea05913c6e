//! Serving one reading of an input within the reader's credit: a whole table at once, others as they are decoded.

use super::credit::{Allowed, Credit};
use super::{Decoded, Input, InputError};
use crate::connection::Outgoing;
use longshore_protocol::limits::INLINE_MAX;
use longshore_protocol::{Delivery, Frame, Payload, StreamId, ToScript};
use longshore_segment::Segment;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Segments that may wait between decoding and sending.
const DECODED_AHEAD: usize = 2;

/// How long a reading waits for another of the same input: a decoder without a reader ends with its batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// The receiver of one reading's data.
pub(crate) struct Recipient {
    pub(crate) stream: StreamId,
    pub(crate) outgoing: Outgoing,
    /// Whether segments are sent as descriptors; otherwise as bytes.
    pub(crate) descriptors: bool,
}

/// Serves one reading of an input, within its credit.
pub(crate) async fn serve(input: Arc<Input>, delivery: Delivery, recipient: Recipient, credit: Arc<Credit>) {
    let stream = recipient.stream;
    let mut allowed = Allowed::new(stream, credit);
    let message = match send_all(&input, delivery, &recipient, &mut allowed).await {
        Ok(true) => ToScript::End { stream },
        Ok(false) => return,
        Err(error) => ToScript::Drop { stream, reason: error.for_script() },
    };
    // A script that is gone needs no answer.
    let _ = recipient.outgoing.send(Frame::new(&message)).await;
}

/// Sends the whole table. Returns `false` if the reader has dropped the stream.
async fn send_all(
    input: &Arc<Input>,
    delivery: Delivery,
    recipient: &Recipient,
    allowed: &mut Allowed,
) -> Result<bool, InputError> {
    let whole = match delivery {
        Delivery::Whole => input.whole().await?,
        Delivery::Batches => input.whole_if_there(),
    };
    if let Some(whole) = whole {
        return recipient.send(&whole.segment, allowed).await;
    }
    let place = tokio::select! {
        place = tokio::time::timeout(PATIENCE, input.decoder()) => place.map_err(|_| InputError::Busy)?,
        () = allowed.dropped() => return Ok(false),
    };
    let (segments, mut decoded) = mpsc::channel(DECODED_AHEAD);
    let source = Arc::clone(input);
    // It ends when the receiver is dropped; its last message is sent through the channel in any case.
    let decoding = std::thread::Builder::new().name("input".into()).spawn(move || {
        source.decode(&segments);
        drop(place);
    });
    decoding.map_err(InputError::Thread)?;
    while let Some(word) = decoded.recv().await {
        match word? {
            Decoded::Segment(segment) => {
                if !recipient.send(&segment, allowed).await? {
                    return Ok(false);
                }
            }
            Decoded::End => return Ok(true),
        }
    }
    Err(InputError::Stopped)
}

impl Recipient {
    /// Sends a segment. Returns `false` if the reader has dropped the stream.
    async fn send(&self, segment: &Segment, allowed: &mut Allowed) -> Result<bool, InputError> {
        if self.descriptors {
            let length = segment.length();
            return Ok(allowed.wait_for(length).await?
                && self.put(Payload::Descriptor { descriptor: segment.share()?, length }).await);
        }
        for (offset, length, _) in segment.pieces(INLINE_MAX) {
            let granted = allowed.wait_for(length as u64).await?;
            if !granted || !self.put(Payload::Inline(segment.copy_out(offset, length)?)).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn put(&self, payload: Payload) -> bool {
        self.outgoing.send(Frame::with(&ToScript::Data { stream: self.stream }, payload)).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use longshore_table::TableSource;

    /// An input of ten chunks, which is never made whole.
    fn input() -> Arc<Input> {
        let column: ArrayRef = Arc::new((0..10).collect::<Int64Array>());
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let feed = TableSource::Memory { schema: batch.schema(), batches: vec![batch], segment: None };
        Arc::new(Input::new(feed, Some(1)))
    }

    fn recipient(stream: u32, outgoing: Outgoing) -> Recipient {
        Recipient { stream: StreamId(stream), outgoing, descriptors: true }
    }

    #[tokio::test]
    async fn decoders_of_an_input_are_few_and_end_when_nobody_reads() {
        let input = input();
        // Readers that take no answers: their decoders wait with decoded segments.
        let mut readers = Vec::new();
        for number in 0..4 {
            let (outgoing, answers) = mpsc::channel(1);
            let serving = serve(Arc::clone(&input), Delivery::Batches, recipient(number, outgoing), Arc::default());
            readers.push((tokio::spawn(serving), answers));
        }
        while input.decoders.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let (outgoing, mut answers) = mpsc::channel(32);
        let serving = serve(Arc::clone(&input), Delivery::Batches, recipient(5, outgoing), Arc::default());
        let fifth = tokio::spawn(serving);
        tokio::task::yield_now().await;
        assert!(answers.try_recv().is_err());
        // A dropped reader frees its decoder for the next one.
        let (first, gone) = readers.remove(0);
        drop(gone);
        first.await.unwrap();
        fifth.await.unwrap();
        let mut kinds = Vec::new();
        while let Ok(frame) = answers.try_recv() {
            kinds.push(frame.into_message::<ToScript>().unwrap().0);
        }
        assert_eq!(kinds.len(), 11, "{kinds:?}");
        assert!(matches!(kinds.last(), Some(ToScript::End { stream: StreamId(5) })), "{kinds:?}");
    }

    #[tokio::test]
    async fn a_reading_that_waits_for_its_turn_can_be_dropped() {
        let input = input();
        let places = Arc::clone(&input.decoders).acquire_many_owned(4).await.unwrap();
        let (outgoing, mut answers) = mpsc::channel(1);
        let credit = Arc::new(Credit::default());
        let serving = serve(Arc::clone(&input), Delivery::Batches, recipient(1, outgoing), Arc::clone(&credit));
        let serving = tokio::spawn(serving);
        credit.drop_reading();
        serving.await.unwrap();
        assert!(answers.recv().await.is_none());
        drop(places);
    }
}
