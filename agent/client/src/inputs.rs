//! Reading inputs: segments are mapped, never copied, and decoded in place.

use crate::error::ClientError;
use crate::link::{Link, StreamEvent};
use crate::names::InputName;
use arrow_buffer::Buffer;
use arrow_schema::SchemaRef;
use longshore_protocol::{Delivery, FromScript, Payload, StreamId};
use longshore_segment::{DecodedBatch, Mapping, Segment, TableDecoder};
use std::collections::VecDeque;
use std::sync::Arc;

/// A whole input.
#[derive(Debug, Clone)]
pub struct InputTable {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows: one batch, unless the table is nested or too large for one segment.
    pub batches: Vec<DecodedBatch>,
}

impl InputTable {
    pub(crate) fn read(link: &Arc<Link>, number: u32, asked: &InputName) -> Result<Option<Self>, ClientError> {
        let Some(mut batches) = HostBatches::ask(link, number, asked, Delivery::Whole)? else {
            return Ok(None);
        };
        let read = batches.by_ref().collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Self { schema: batches.schema()?, batches: read }))
    }
}

/// An input, batch by batch. Dropping it early tells the host to stop sending.
pub struct InputBatches {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<DecodedBatch, ClientError>> + Send>,
    /// The rest of a batch with too many rows.
    rest: Option<DecodedBatch>,
    /// Maximum rows of a batch that is returned.
    rows_max: usize,
}

/// Rows of a batch for scripts that read batches: the usual size in most tools. A table that the host holds whole
/// arrives as one batch, and is sliced here without copying.
pub(crate) const BATCH_ROWS: usize = 65_536;

impl std::fmt::Debug for InputBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InputBatches").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl InputBatches {
    pub(crate) fn open(
        link: &Arc<Link>,
        number: u32,
        asked: &InputName,
        rows_max: usize,
    ) -> Result<Option<Self>, ClientError> {
        let Some(batches) = HostBatches::ask(link, number, asked, Delivery::Batches)? else {
            return Ok(None);
        };
        Ok(Some(Self::new(batches.schema()?, batches, rows_max)))
    }

    /// Batches of at most `rows_max` rows.
    pub(crate) fn new(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<DecodedBatch, ClientError>> + Send + 'static,
        rows_max: usize,
    ) -> Self {
        Self { schema, batches: Box::new(batches), rest: None, rows_max }
    }

    /// The table's columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The first rows of a batch with too many; the rest is kept for later.
    fn cut(&mut self, ready: DecodedBatch) -> DecodedBatch {
        let rows = ready.batch.num_rows();
        if rows <= self.rows_max {
            return ready;
        }
        let rest = ready.batch.slice(self.rows_max, rows - self.rows_max);
        self.rest = Some(rest.into());
        ready.batch.slice(0, self.rows_max).into()
    }
}

impl Iterator for InputBatches {
    type Item = Result<DecodedBatch, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let ready = self.rest.take().map(Ok).or_else(|| self.batches.next())?;
        Some(ready.map(|ready| self.cut(ready)))
    }
}

/// An input as the host sends it.
struct HostBatches {
    link: Arc<Link>,
    stream: StreamId,
    /// The input as the script asked for it.
    asked: InputName,
    decoder: TableDecoder,
    ready: VecDeque<DecodedBatch>,
    /// Bytes to acknowledge when their batches have been handed over.
    consumed: u64,
    ended: bool,
}

impl HostBatches {
    fn ask(link: &Arc<Link>, number: u32, asked: &InputName, delivery: Delivery) -> Result<Option<Self>, ClientError> {
        let stream = link.open(|stream| FromScript::OpenInput { stream, input: number, delivery })?;
        let decoder = trusting_decoder();
        let (link, ready, asked) = (Arc::clone(link), VecDeque::new(), asked.clone());
        let mut batches = Self { link, stream, asked, decoder, ready, consumed: 0, ended: false };
        match batches.link.next_event(stream)? {
            StreamEvent::Opened { connected: true } => {
                // The schema is first, also if there are no rows.
                while !batches.ended && batches.decoder.schema().is_none() {
                    batches.advance()?;
                }
                Ok(Some(batches))
            }
            StreamEvent::Opened { connected: false } => {
                batches.ended = true;
                Ok(None)
            }
            other => Err(batches.failed(other)),
        }
    }

    fn schema(&self) -> Result<SchemaRef, ClientError> {
        match self.decoder.schema() {
            Some(schema) => Ok(Arc::clone(schema)),
            None => Ok(self.decoder.finish()?),
        }
    }

    fn advance(&mut self) -> Result<(), ClientError> {
        if self.consumed > 0 {
            self.link.send(&FromScript::Ack { stream: self.stream, bytes: self.consumed })?;
            self.consumed = 0;
        }
        match self.link.next_event(self.stream)? {
            StreamEvent::Data(payload) => {
                self.consumed = payload.length();
                let mut bytes = memory(payload)?;
                while let Some(batch) = self.decoder.next(&mut bytes)? {
                    self.ready.push_back(batch);
                }
                Ok(())
            }
            StreamEvent::End => {
                self.ended = true;
                self.decoder.finish()?;
                Ok(())
            }
            other => Err(self.failed(other)),
        }
    }

    fn failed(&mut self, event: StreamEvent) -> ClientError {
        self.ended = true;
        let reason = match event {
            StreamEvent::Dropped { reason } => reason,
            other => format!("the host sent an unexpected {other:?}"),
        };
        ClientError::Input { input: self.asked.clone(), reason }
    }
}

impl Iterator for HostBatches {
    type Item = Result<DecodedBatch, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(Ok(ready));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance() {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }
}

impl Drop for HostBatches {
    fn drop(&mut self) {
        if !self.ended {
            // If the host is gone, it needs no message.
            let _ = self.link.send(&FromScript::Drop { stream: self.stream });
        }
        self.link.close(self.stream);
    }
}

fn memory(payload: Payload) -> Result<Buffer, ClientError> {
    match payload {
        Payload::Descriptor { descriptor, length } => {
            Ok(Mapping::private(&Segment::receive(descriptor, length)?)?.into_buffer())
        }
        Payload::Inline(bytes) => Ok(Buffer::from_vec(bytes)),
        Payload::None => Ok(Buffer::from_vec(Vec::<u8>::new())),
    }
}

#[allow(unsafe_code, reason = "trusting the host is the caller's promise of `TableDecoder::trusting`")]
fn trusting_decoder() -> TableDecoder {
    // SAFETY: the bytes are from the host, which writes them with `longshore-segment` and started this process: it
    // needs no invalid Arrow to control this process. Segments are sealed, and the map is this process's own.
    unsafe { TableDecoder::trusting() }
}
