//! An output that stays in memory: the segment that it becomes, and the memory that it takes. What a script writes to an
//! arena is copied into the segment once, and checked there. `worker.rs` decides what is written.

use super::finished::OutputFailure;
use super::means::{Means, over_memory};
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::{Schema, SchemaRef};
use longshore_segment::{
    Budget, Collector, LentArena, Mapping, Matching, Segment, SegmentError, TableDecoder, Taken, weight,
};
use longshore_table::{budget, in_words};
use std::ops::Range;

/// The message that ends a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What an encoded batch takes besides its values: its message, and the padding of its buffers.
const MESSAGE_BYTES: u64 = 64 << 10;

/// Columns that have another type in an output than in the table: the name, and both types in words.
type Changed = Vec<(String, [String; 2])>;

/// An output in memory that is being written.
#[derive(Debug)]
pub(super) struct Collected {
    segment: Collector,
    /// Memory of the segment.
    memory: Taken,
    /// Where the table that is being received begins.
    table: u64,
    /// The columns that have another type than in the first table.
    changed: Changed,
}

impl Collected {
    /// An output of these columns, whose first table has those of `first`.
    pub(super) fn new(first: &Schema, schema: &SchemaRef) -> Result<Self, SegmentError> {
        let segment = Collector::new(schema)?;
        let memory = budget::host().take(segment.length())?;
        let table = segment.length();
        Ok(Self { segment, memory, table, changed: changed(first, schema) })
    }

    /// Copies a part of an arena to the end of the segment. Returns the copy.
    pub(super) fn copy_in(
        &mut self,
        arena: &LentArena,
        range: Range<u64>,
        means: &Means,
    ) -> Result<Buffer, OutputFailure> {
        self.make_room(range.end.saturating_sub(range.start), means)?;
        self.segment.copy_in(arena, range).map_err(unwritten)
    }

    /// Appends bytes of this process.
    pub(super) fn append(&mut self, bytes: &[u8], means: &Means) -> Result<(), OutputFailure> {
        self.make_room(bytes.len() as u64, means)?;
        self.segment.append(bytes).map_err(unwritten)
    }

    /// Appends a batch of the output's columns.
    pub(super) fn encode(&mut self, batch: &RecordBatch, means: &Means) -> Result<(), OutputFailure> {
        let before = self.segment.length();
        let most = weight(batch, &batch.schema(), u64::MAX).unwrap_or(u64::MAX).saturating_add(MESSAGE_BYTES);
        self.take_memory(before.saturating_add(most))?;
        self.segment.encode(batch).map_err(unwritten)?;
        self.spend(self.segment.length() - before, means)?;
        self.take_memory(self.segment.length())
    }

    /// Ends a table, whose stream had an end marker or not.
    pub(super) fn end_table(&mut self, marked: bool) -> Result<(), OutputFailure> {
        if marked {
            self.segment.truncate(self.segment.length() - END.len() as u64).map_err(unwritten)?;
        }
        self.table = self.segment.length();
        Ok(())
    }

    /// Removes what there is of the table that is being received.
    pub(super) fn drop_table(&mut self) -> Result<(), OutputFailure> {
        self.segment.truncate(self.table).map_err(unwritten)
    }

    /// The same rows with wider columns.
    pub(super) fn widened(self, wider: &SchemaRef, means: &Means) -> Result<Self, OutputFailure> {
        let (before, changed) = (self.segment.seal().map_err(unwritten)?, self.changed);
        let mut bytes = Mapping::private(&before).map_err(unwritten)?.into_buffer();
        let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
        let mut after = Self { changed, ..Self::new(wider, wider).map_err(unwritten)? };
        let mut matching = None;
        while let Some(decoded) = decoder.next(&mut bytes).map_err(unwritten)? {
            let matching = match &matching {
                Some(known) => known,
                None => matching.insert(Matching::new(wider, &decoded.batch.schema()).map_err(OutputFailure::Write)?),
            };
            let batch = matching.apply(wider, &decoded.batch).map_err(OutputFailure::Write)?;
            after.encode(&batch, means)?;
        }
        means.allowance.give_back(before.length());
        after.end_table(false)?;
        Ok(after)
    }

    /// The complete segment, with the memory that it takes until it is handed over, and the columns of other types.
    pub(super) fn finish(mut self) -> Result<(Segment, Taken, Changed), OutputFailure> {
        // Whoever reads the table from a file or a connection can tell that it is complete.
        self.segment.append(&END).map_err(unwritten)?;
        self.take_memory(self.segment.length())?;
        let segment = self.segment.seal().map_err(unwritten)?;
        Ok((segment, self.memory, self.changed))
    }

    fn make_room(&mut self, bytes: u64, means: &Means) -> Result<(), OutputFailure> {
        self.spend(bytes, means)?;
        self.take_memory(self.segment.length().saturating_add(bytes))
    }

    fn spend(&self, bytes: u64, means: &Means) -> Result<(), OutputFailure> {
        let exceeded =
            |_| OutputFailure::Limit("the script's outputs are larger than its limit of output bytes".into());
        means.allowance.spend(bytes).map_err(exceeded)
    }

    fn take_memory(&mut self, bytes: u64) -> Result<(), OutputFailure> {
        let over = |over| OutputFailure::Limit(format!("an output that stays in memory is too large: {over}"));
        self.memory.resize(bytes).map_err(over)
    }
}

/// The columns of a table that have another type in the output, with both in words.
fn changed(table: &Schema, output: &Schema) -> Changed {
    let both = table.fields().iter().zip(output.fields());
    let changed = both.filter(|(one, other)| one.data_type() != other.data_type());
    changed.map(|(one, other)| (one.name().clone(), [one, other].map(|field| in_words(field.data_type())))).collect()
}

fn unwritten(error: SegmentError) -> OutputFailure {
    match error {
        SegmentError::TooShort { .. } => OutputFailure::Violation(format!("an output is too short: {error}")),
        SegmentError::OverBudget(over) => OutputFailure::Limit(over_memory(&over)),
        other => {
            let cause = std::error::Error::source(&other).map(|cause| format!(": {cause}")).unwrap_or_default();
            OutputFailure::Write(format!("an output cannot be written to shared memory: {other}{cause}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Declared, Finished, OutputHandle, Pending, Piece, Place, Target, Writers};
    use super::*;
    use arrow_array::types::Int8Type;
    use arrow_array::{ArrayRef, Decimal128Array, DictionaryArray, Int8Array, Int64Array, StringArray};
    use longshore_protocol::limits::ARENA_BYTES;
    use longshore_protocol::{ArenaId, OutputName, StreamId, ToScript};
    use longshore_segment::{Arena, BatchEncoder};
    use longshore_table::{Compression, FileFormat, Format, WriteOptions};
    use std::io::Write;
    use std::sync::Arc;
    use tokio::sync::mpsc;

    fn target() -> Target {
        Target {
            path: "a segment".into(),
            place: Place::Segment(OutputHandle::new().0),
            format: FileFormat { format: Format::ArrowStream, compression: Compression::None },
            write: WriteOptions::default(),
            temporary_folder: "/no/such/folder".into(),
            is_optional: false,
        }
    }

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("n", column, true)]).unwrap()
    }

    fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
        batch(Arc::new(range.collect::<Int64Array>()))
    }

    fn encoded(batches: &[RecordBatch]) -> Vec<u8> {
        let mut encoder = BatchEncoder::new(&batches[0].schema(), Vec::new()).unwrap();
        batches.iter().for_each(|batch| encoder.write(batch).unwrap());
        std::mem::take(encoder.target())
    }

    /// A piece in an arena, and one of this process.
    fn pieces(bytes: &[u8]) -> [Piece; 2] {
        let lent = LentArena::create().unwrap();
        let mut writer = Arena::receive(&lent.share().unwrap(), ARENA_BYTES).unwrap().writer();
        writer.write_all(bytes).unwrap();
        let (memory, length) = (Arc::new(lent), bytes.len() as u64);
        let arena = Piece::Arena { memory, with_script: Arc::default(), arena: ArenaId(0), length };
        [arena, Piece::Inline(bytes.to_vec(), None)]
    }

    /// Tables of one output, each in these pieces. Returns the output, the failure, and the answers.
    async fn written(
        tables: Vec<Vec<Piece>>,
        output_bytes: u64,
    ) -> (Vec<Finished>, Option<OutputFailure>, Vec<ToScript>) {
        let (trouble, mut troubles) = mpsc::unbounded_channel();
        let declared = Declared { ids: None, targets: vec![Some(target())] };
        let writers = Writers::new(declared, "run", false, Budget::new(1 << 26), output_bytes, trouble);
        let (outgoing, mut answers) = mpsc::channel(64);
        let handle = writers.handle();
        for (stream, pieces) in (1..).zip(tables) {
            let worker = handle.open(&OutputName::Number(0), StreamId(stream), &outgoing).await.unwrap();
            for piece in pieces {
                handle.take(worker, piece).await;
            }
            handle.end(worker).await;
        }
        let finished = writers.finish().await;
        let mut told = Vec::new();
        while let Ok(frame) = answers.try_recv() {
            told.push(frame.into_message().unwrap().0);
        }
        (finished, troubles.try_recv().ok(), told)
    }

    fn rows(finished: &[Finished]) -> Vec<RecordBatch> {
        let Some(Pending::Segment(segment, memory)) = &finished[0].file else { panic!("{finished:?}") };
        assert_eq!((segment.length(), finished[0].bytes), (memory.bytes(), segment.length()));
        let mut bytes = Mapping::private(segment).unwrap().into_buffer();
        let mut decoder = TableDecoder::untrusting(&Budget::unlimited());
        let mut batches = Vec::new();
        while let Some(decoded) = decoder.next(&mut bytes).unwrap() {
            batches.push(decoded.batch);
        }
        decoder.finish().unwrap();
        batches
    }

    #[tokio::test]
    async fn tables_of_one_kind_become_one_segment_with_or_without_an_end_marker() {
        let marked = [encoded(&[numbers(0..5)]), vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]].concat();
        for place in 0..2 {
            let piece = |bytes: &[u8]| pieces(bytes).into_iter().nth(place).unwrap();
            let second = encoded(&[numbers(5..7), numbers(7..9)]);
            // A message may be cut anywhere.
            let halves = vec![piece(&second[..second.len() - 70]), piece(&second[second.len() - 70..])];
            let (finished, failure, told) = written(vec![vec![piece(&marked)], halves], 1 << 20).await;
            assert!(failure.is_none(), "{failure:?}");
            assert_eq!(rows(&finished), [numbers(0..5), numbers(5..7), numbers(7..9)]);
            let returned = told.iter().filter(|answer| matches!(answer, ToScript::Return { .. })).count();
            assert_eq!(returned, if place == 0 { 3 } else { 0 });
        }
    }

    #[tokio::test]
    async fn other_types_are_converted_and_a_table_that_does_not_fit_leaves_nothing() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["low", "high"]));
        let coded = DictionaryArray::<Int8Type>::try_new(Int8Array::from(vec![1, 0]), Arc::clone(&text)).unwrap();
        let coded = encoded(&[batch(Arc::new(coded))]);
        let plain = encoded(&[batch(text)]);
        for place in 0..2 {
            let piece = |bytes: &[u8]| vec![pieces(bytes).into_iter().nth(place).unwrap()];
            let unfit = encoded(&[batch(Arc::new(arrow_array::BinaryArray::from(vec![&b"\xff"[..]])))]);
            let tables = vec![piece(&coded), piece(&unfit), piece(&plain)];
            let (finished, failure, told) = written(tables, 1 << 20).await;
            assert!(failure.is_none(), "{failure:?}");
            let texts = |values: Vec<&str>| batch(Arc::new(StringArray::from(values)));
            assert_eq!(rows(&finished), [texts(vec!["high", "low"]), texts(vec!["low", "high"])]);
            assert!(told.iter().any(|answer| matches!(answer, ToScript::Drop { .. })), "{told:?}");
        }
    }

    #[tokio::test]
    async fn decimals_of_more_digits_widen_the_segment() {
        let decimals = |digits, values: Vec<i128>| {
            let array = Decimal128Array::from(values).with_precision_and_scale(digits, 1).unwrap();
            batch(Arc::new(array))
        };
        let tables = [decimals(3, vec![15]), decimals(9, vec![12_345_678])];
        let tables = tables.iter().map(|table| pieces(&encoded(std::slice::from_ref(table))).into_iter().take(1));
        let (finished, failure, _) = written(tables.map(Iterator::collect).collect(), 1 << 20).await;
        assert!(failure.is_none(), "{failure:?}");
        assert_eq!(rows(&finished), [decimals(9, vec![15]), decimals(9, vec![12_345_678])]);
    }

    #[tokio::test]
    async fn what_is_hostile_ends_the_run() {
        let cut = encoded(&[numbers(0..100)]);
        let cut = vec![pieces(&cut[..cut.len() - 8]).into_iter().next().unwrap()];
        let [too_long, _] = pieces(&encoded(&[numbers(0..100)]));
        let too_long = match too_long {
            Piece::Arena { memory, with_script, arena, .. } => {
                Piece::Arena { memory, with_script, arena, length: ARENA_BYTES + 1 }
            }
            inline @ Piece::Inline(..) => inline,
        };
        for tables in [vec![cut], vec![vec![too_long]]] {
            let (finished, failure, _) = written(tables, 1 << 30).await;
            assert!(matches!(failure, Some(OutputFailure::Violation(_))), "{failure:?}");
            assert!(finished[0].file.is_none() && finished[0].spoiled.is_some());
        }
        let large = pieces(&encoded(&[numbers(0..100_000)])).into_iter().take(1).collect();
        let (_, failure, _) = written(vec![large], 1 << 19).await;
        assert!(matches!(failure, Some(OutputFailure::Limit(_))), "{failure:?}");
    }
}
