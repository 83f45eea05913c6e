//! Writing outputs: tables are encoded directly into arenas that the host lends, with a single copy. Tables that fit
//! one frame are sent inline.

use crate::error::ClientError;
use crate::link::{Link, StreamEvent};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use longshore_protocol::limits::{ARENA_BYTES, INLINE_MAX};
use longshore_protocol::{ArenaId, FromScript, OutputName, Payload, Place, SendWindow, StreamId};
use longshore_segment::{ArenaWriter, BatchEncoder, SegmentError};
use std::io::Write;
use std::sync::Arc;

/// Bytes of values in one batch: an arena less an eighth for its message, offsets and padding.
const BATCH_BYTES: usize = 7 << 20;
const _: () = assert!(BATCH_BYTES as u64 == ARENA_BYTES - ARENA_BYTES / 8);

/// Bytes that a batch's message and padding may need besides its values.
const MESSAGE_ROOM: usize = 64 << 10;

pub(crate) fn write(
    link: &Arc<Link>,
    output: &OutputName,
    data: &mut dyn RecordBatchReader,
    arenas: bool,
) -> Result<(), ClientError> {
    let stream = link.open(|stream| FromScript::OpenOutput { stream, output: output.clone() })?;
    let written = Output { link, stream, output }.write(data, arenas);
    link.close(stream);
    written
}

struct Output<'a> {
    link: &'a Arc<Link>,
    stream: StreamId,
    output: &'a OutputName,
}

impl Output<'_> {
    fn write(&self, data: &mut dyn RecordBatchReader, arenas: bool) -> Result<(), ClientError> {
        match self.link.next_event(self.stream)? {
            StreamEvent::Opened { .. } => {}
            other => return Err(self.failed(other)),
        }
        if let Err(error) = self.send(data, arenas) {
            if !matches!(error, ClientError::Output { .. } | ClientError::Connection(_)) {
                self.link.send(&FromScript::Drop { stream: self.stream })?;
            }
            return Err(error);
        }
        self.link.send(&FromScript::End { stream: self.stream })?;
        loop {
            match self.link.next_event(self.stream)? {
                StreamEvent::Accepted => return Ok(()),
                StreamEvent::Ack(_) => {}
                other => return Err(self.failed(other)),
            }
        }
    }

    fn send(&self, data: &mut dyn RecordBatchReader, arenas: bool) -> Result<(), ClientError> {
        let mut sink = Sink {
            output: self,
            arenas,
            arena: None,
            inline: Vec::new(),
            window: SendWindow::new(self.stream),
            failure: None,
        };
        let encoded = encode(data, &mut sink);
        let failure = sink.failure.take();
        // The sink's failure is more specific than the write error that it caused.
        failure.map_or(encoded, Err)?;
        sink.finish()
    }

    fn failed(&self, event: StreamEvent) -> ClientError {
        let reason = match event {
            StreamEvent::Dropped { reason } => reason,
            other => format!("the host sent an unexpected {other:?}"),
        };
        ClientError::Output { output: self.output.clone(), reason }
    }
}

fn encode(data: &mut dyn RecordBatchReader, sink: &mut Sink<'_>) -> Result<(), ClientError> {
    let schema = data.schema();
    let mut encoder = BatchEncoder::new(&schema, sink)?;
    for batch in data {
        let batch = batch?;
        let bytes = values(&batch);
        let pieces = bytes.div_ceil(BATCH_BYTES).max(1);
        let rows = batch.num_rows().div_ceil(pieces).max(1);
        let mut start = 0;
        loop {
            let length = rows.min(batch.num_rows() - start);
            let piece = batch.slice(start, length);
            encoder.target().make_room(values(&piece) + MESSAGE_ROOM).map_err(SegmentError::from)?;
            encoder.write(&piece)?;
            start += length;
            if start >= batch.num_rows() {
                break;
            }
        }
    }
    Ok(())
}

fn values(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}

/// The target of encoded bytes: a buffer for one inline frame or, if they exceed it, arenas.
struct Sink<'a> {
    output: &'a Output<'a>,
    arenas: bool,
    arena: Option<(ArenaId, ArenaWriter)>,
    inline: Vec<u8>,
    window: SendWindow,
    failure: Option<ClientError>,
}

impl Sink<'_> {
    /// Sends the open arena if a batch of `bytes` would otherwise span two.
    fn make_room(&mut self, bytes: usize) -> std::io::Result<()> {
        let full = self.arena.as_ref().is_some_and(|(_, writer)| writer.filled() > 0 && writer.room() < bytes);
        if full { self.keep_failure(Self::send_arena) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<(), ClientError> {
        self.send_arena()?;
        self.send_inline()
    }

    fn keep_failure(&mut self, act: impl FnOnce(&mut Self) -> Result<(), ClientError>) -> std::io::Result<()> {
        act(self).map_err(|error| {
            self.failure = Some(error);
            std::io::Error::other("the output's stream failed")
        })
    }

    fn send_arena(&mut self) -> Result<(), ClientError> {
        let Some((arena, writer)) = self.arena.take() else {
            return Ok(());
        };
        let length = writer.filled();
        // Kept before it is sent: the host may return it at once.
        self.output.link.keep_arena(arena, writer.into_arena());
        let stream = self.output.stream;
        self.output.link.send(&FromScript::Data { stream, place: Place::Arena { arena, length } })
    }

    fn send_inline(&mut self) -> Result<(), ClientError> {
        if self.inline.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.inline);
        let length = bytes.len() as u64;
        while !self.window.admits(length) {
            match self.output.link.next_event(self.output.stream)? {
                StreamEvent::Ack(bytes) => {
                    self.window.acknowledged(bytes).map_err(|error| ClientError::Connection(error.into()))?
                }
                other => return Err(self.output.failed(other)),
            }
        }
        let data = FromScript::Data { stream: self.output.stream, place: Place::Inline };
        self.output.link.send_with(&data, Payload::Inline(bytes))?;
        self.window.sent(length);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<usize, ClientError> {
        if self.arena.is_none() && self.inline.len() + bytes.len() > INLINE_MAX {
            if self.arenas {
                let (id, arena) = self.output.link.take_arena()?;
                let mut writer = arena.writer();
                // The buffered bytes are at most INLINE_MAX, and an arena is larger.
                writer.write_all(&self.inline).map_err(SegmentError::from)?;
                self.inline.clear();
                self.arena = Some((id, writer));
            } else {
                self.send_inline()?;
            }
        }
        match &mut self.arena {
            None => {
                let taken = bytes.len().min(INLINE_MAX - self.inline.len());
                self.inline.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            Some((_, writer)) => {
                let taken = writer.write(bytes).map_err(SegmentError::from)?;
                if writer.room() == 0 {
                    self.send_arena()?;
                }
                Ok(taken)
            }
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut taken = 0;
        self.keep_failure(|sink| {
            taken = sink.put(bytes)?;
            Ok(())
        })?;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
