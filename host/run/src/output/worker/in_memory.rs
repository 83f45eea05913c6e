//! A table for an output that stays in memory. If it has the output's columns as they are, its messages are copied into
//! the segment once, and checked there; any other is decoded and encoded again by the worker.

use super::super::failure::Failure;
use super::super::finished::OutputFailure;
use super::{Piece, Worker};
use arrow_buffer::Buffer;
use longshore_protocol::{Frame, ToScript};
use longshore_segment::first_message;
use std::sync::atomic::Ordering;

/// Bytes at the start of a table that are looked at for its schema: 600 columns of 100 bytes each. A longer schema is
/// decoded with the rows.
const HEAD_BYTES: u64 = 64 << 10;

impl Worker {
    /// Reads the columns of a table from its first piece, and decides whether the rest is copied as it is. Returns where
    /// the rows begin. `room` is a buffer for the copy.
    pub(super) fn read_columns(&mut self, piece: &Piece, room: &mut Vec<u8>) -> Result<u64, Failure> {
        let Some(table) = self.table.as_mut() else { return Ok(0) };
        table.is_first = false;
        let head = match piece {
            Piece::Inline(bytes, _) => bytes.as_slice(),
            Piece::Arena { memory, length, .. } => {
                memory.copy_out((*length).min(HEAD_BYTES), room)?;
                room.as_slice()
            }
        };
        let Some(end) = first_message(head) else { return Ok(0) };
        table.decoder.next(&mut Buffer::from(&head[..end]))?;
        let Some(schema) = table.decoder.schema().cloned() else { return Ok(end as u64) };
        self.begin(&schema)?;
        if let (Some(table), Some(output), true) = (&mut self.table, &self.schema, self.collected.is_some()) {
            table.as_it_is = table.matching.as_ref().is_some_and(|matching| matching.is_same(output, &schema));
        }
        Ok(end as u64)
    }

    /// Copies the messages of a piece into the segment, and checks the copy.
    pub(super) fn copy(&mut self, piece: Piece, from: u64) -> Result<(), Failure> {
        let (Some(table), Some(collected)) = (&mut self.table, &mut self.collected) else { return Ok(()) };
        if self.means.is_closed() {
            return Err(Failure::Stopped);
        }
        let (mut bytes, _memory) = match piece {
            Piece::Inline(bytes, taken) => {
                let mut bytes = Buffer::from_vec(bytes);
                bytes.advance(usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len()));
                collected.append(&bytes, &self.means)?;
                (bytes, taken)
            }
            Piece::Arena { memory, with_script, arena, length } => {
                let copied = collected.copy_in(&memory, from..length, &self.means)?;
                with_script.store(true, Ordering::Release);
                // A script that is gone needs no arena.
                let _ = table.outgoing.blocking_send(Frame::new(&ToScript::Return { arena }));
                (copied, None)
            }
        };
        while let Some(decoded) = table.decoder.next(&mut bytes)? {
            if !decoded.boolean_bytes.is_empty() {
                // A reader would take them for the host's, which are checked against the bits.
                let reason = "an output has booleans as bytes, which only inputs have";
                return Err(OutputFailure::Violation(reason.into()).into());
            }
            table.rows += decoded.batch.num_rows() as u64;
        }
        Ok(())
    }
}
