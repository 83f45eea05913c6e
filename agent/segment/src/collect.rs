//! A segment that the host writes while a container sends its table: bytes go from an arena to their place in the
//! segment in one copy, and are checked there, where the container cannot reach them. Batches in other types than the
//! segment's are encoded into it.
//!
//! This file copies and seals. The caller decides what fits, checks what was copied, and counts its memory.

use crate::arena::LentArena;
use crate::encode::{write_batch, write_schema};
use crate::error::SegmentError;
use crate::mapping::Mapping;
use crate::memory::{Segment, SegmentFile};
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::Schema;
use std::io::Write;
use std::ops::Range;

/// A segment under construction.
#[derive(Debug)]
pub struct Collector(SegmentFile);

impl Collector {
    /// Starts a table: its schema is written at once.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn new(schema: &Schema) -> Result<Self, SegmentError> {
        let mut file = SegmentFile::create()?;
        write_schema(schema, &mut file)?;
        Ok(Self(file))
    }

    /// Bytes written so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.0.length()
    }

    /// Appends bytes of an arena, in one copy. Returns the copy, for the check: the script may have written other bytes
    /// than these to the arena since.
    ///
    /// # Errors
    /// [`SegmentError::TooShort`] for more than the arena holds, [`SegmentError::Write`] and [`SegmentError::System`].
    pub fn copy_in(&mut self, arena: &LentArena, range: Range<u64>) -> Result<Buffer, SegmentError> {
        let start = self.0.length();
        arena.copy_to(range, &mut self.0)?;
        let end = self.0.length();
        Mapping::of_part(self.0.flushed()?, start..end)
    }

    /// Appends bytes that no other process can change.
    ///
    /// # Errors
    /// [`SegmentError::Write`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), SegmentError> {
        self.0.write_all(bytes).map_err(SegmentError::Write)
    }

    /// Appends a batch of the segment's columns.
    ///
    /// # Errors
    /// [`SegmentError`].
    pub fn encode(&mut self, batch: &RecordBatch) -> Result<(), SegmentError> {
        write_batch(batch, &mut self.0)
    }

    /// Removes what follows the first `length` bytes.
    ///
    /// # Errors
    /// [`SegmentError::Write`], [`SegmentError::System`].
    pub fn truncate(&mut self, length: u64) -> Result<(), SegmentError> {
        self.0.truncate(length)
    }

    /// Ends the table.
    ///
    /// # Errors
    /// [`SegmentError::System`], [`SegmentError::Write`].
    pub fn seal(self) -> Result<Segment, SegmentError> {
        self.0.seal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Arena;
    use crate::budget::Budget;
    use crate::decode::TableDecoder;
    use crate::encode::BatchEncoder;
    use crate::messages::first_message;
    use arrow_array::{Array, ArrayRef, Int64Array, ListArray, StringArray, types::Int64Type};
    use longshore_protocol::limits::ARENA_BYTES;
    use std::sync::Arc;

    fn batch(from: i64, rows: i64) -> RecordBatch {
        let text: Vec<String> = (from..from + rows).map(|number| format!("row {number}")).collect();
        let columns: [(&str, ArrayRef); 2] =
            [("n", Arc::new((from..from + rows).collect::<Int64Array>())), ("text", Arc::new(StringArray::from(text)))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn read(segment: &Segment) -> Vec<RecordBatch> {
        let mut bytes = Mapping::private(segment).unwrap().into_buffer();
        let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
        let mut batches = Vec::new();
        while let Some(decoded) = decoder.next(&mut bytes).unwrap() {
            batches.push(decoded.batch);
        }
        decoder.finish().unwrap();
        batches
    }

    #[test]
    fn what_an_arena_holds_becomes_a_segment_in_one_copy_and_stays_aligned() {
        let arena = LentArena::create().unwrap();
        let mut encoder = BatchEncoder::new(&batch(0, 1).schema(), Vec::new()).unwrap();
        encoder.write(&batch(0, 1000)).unwrap();
        let bytes = std::mem::take(encoder.target());
        let schema = first_message(&bytes).unwrap() as u64;
        let mut writer = Arena::receive(&arena.share().unwrap(), ARENA_BYTES).unwrap().writer();
        writer.write_all(&bytes).unwrap();
        let mut collector = Collector::new(&batch(0, 1).schema()).unwrap();
        let copied = collector.copy_in(&arena, schema..bytes.len() as u64).unwrap();
        // Later changes of the script's reach the arena alone.
        let mut writer = writer.into_arena().writer();
        writer.write_all(&vec![0xaa; bytes.len()]).unwrap();
        assert_eq!(copied.as_slice(), &bytes[usize::try_from(schema).unwrap()..]);
        collector.encode(&batch(1000, 10)).unwrap();
        let segment = collector.seal().unwrap();
        let batches = read(&segment);
        assert_eq!(batches, [batch(0, 1000), batch(1000, 10)]);
        for column in batches.iter().flat_map(RecordBatch::columns) {
            assert!(column.to_data().buffers().iter().all(|buffer| buffer.as_ptr().align_offset(64) == 0));
        }
        let beyond = Collector::new(&batch(0, 1).schema()).unwrap().copy_in(&arena, 0..ARENA_BYTES + 1).unwrap_err();
        assert!(matches!(beyond, SegmentError::TooShort { actual: ARENA_BYTES, .. }), "{beyond:?}");
    }

    #[test]
    fn what_is_removed_leaves_no_trace() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None]);
        let nested = RecordBatch::try_from_iter([("lists", Arc::new(lists) as ArrayRef)]).unwrap();
        let mut collector = Collector::new(&nested.schema()).unwrap();
        collector.encode(&nested).unwrap();
        let whole = collector.length();
        collector.append(&[7; 100]).unwrap();
        assert_eq!(collector.length(), whole + 100);
        collector.truncate(whole).unwrap();
        collector.encode(&nested).unwrap();
        assert_eq!(read(&collector.seal().unwrap()), [nested.clone(), nested]);
    }
}
