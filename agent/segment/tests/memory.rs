//! Hostile tables of every layout: whatever they claim, no more memory is allocated for them than their budget has.
//! Allocations are counted by an allocator of this file's, so it holds one test.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BinaryViewArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Int8Array, Int32Array,
    Int64Array, ListArray, ListViewArray, NullArray, RecordBatch, RunArray, StringArray, StringViewArray, StructArray,
};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::Field;
use longshore_segment::{Budget, Matching, SegmentError, TableDecoder, cut, first_schema, weight};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a run may take, and a piece may weigh.
const LIMIT: u64 = 24 << 20;
const PIECE: u64 = 1 << 20;

/// What is not asked for: the stream itself, messages of errors, and arrays of a few rows.
const BESIDES: usize = 4 << 20;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn grown(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

#[allow(unsafe_code, reason = "an allocator is a promise")]
// SAFETY: every call is passed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; the memory is the system allocator's, as all is.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        grown(size);
        // SAFETY: as above. Large blocks are moved by remapping them, so they never stand twice.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

fn item(array: &ArrayRef) -> Arc<Field> {
    Arc::new(Field::new("item", array.data_type().clone(), true))
}

/// A column of a layout that can say much in few bytes, often inside another.
fn column(dice: &mut Dice, rows: usize, depth: usize) -> ArrayRef {
    let keys = |dice: &mut Dice| i8::try_from(dice.below(2)).unwrap();
    let long = "x".repeat(dice.of(&[0, 10, 1000, 300_000]));
    let texts = || Arc::new(StringArray::from(vec![long.as_str(), "short"])) as ArrayRef;
    let signed = i32::try_from(rows).unwrap();
    match dice.below(if depth > 2 { 7 } else { 12 }) {
        0 => Arc::new(NullArray::new(rows)),
        1 => Arc::new(FixedSizeBinaryArray::try_new_with_len(0, Buffer::default(), None, rows).unwrap()),
        2 => Arc::new((0..rows).map(|row| i64::try_from(row).unwrap()).collect::<Int64Array>()),
        3 => Arc::new(
            StringViewArray::try_new(
                vec![StringViewArray::from(vec![long.as_str()]).views()[0]; rows].into(),
                StringViewArray::from(vec![long.as_str()]).data_buffers().to_vec(),
                None,
            )
            .unwrap(),
        ),
        4 => Arc::new(BinaryViewArray::from_iter_values((0..rows).map(|_| b"bytes"))),
        5 => {
            let keys = Int8Array::from((0..rows).map(|_| keys(dice)).collect::<Vec<_>>());
            Arc::new(DictionaryArray::<Int8Type>::try_new(keys, texts()).unwrap())
        }
        6 => {
            let ends = Int32Array::from(vec![signed - 1, signed]);
            Arc::new(RunArray::<Int32Type>::try_new(&ends, &texts()).unwrap())
        }
        7 => {
            let values = column(dice, 2, depth + 1);
            let keys = Int8Array::from((0..rows).map(|_| keys(dice)).collect::<Vec<_>>());
            match DictionaryArray::<Int8Type>::try_new(keys, values) {
                Ok(categories) => Arc::new(categories),
                Err(_) => Arc::new(NullArray::new(rows)),
            }
        }
        8 => {
            let size = dice.of(&[0, 1, 50]);
            let values = column(dice, (size * rows).max(2), depth + 1).slice(0, size * rows);
            let (field, size) = (item(&values), i32::try_from(size).unwrap());
            Arc::new(FixedSizeListArray::try_new_with_length(field, size, values, None, rows).unwrap())
        }
        9 => {
            let values = column(dice, 100, depth + 1);
            let sizes = ScalarBuffer::from(vec![100; rows]);
            Arc::new(ListViewArray::try_new(item(&values), vec![0; rows].into(), sizes, values, None).unwrap())
        }
        10 => {
            let values = column(dice, rows * 3, depth + 1);
            let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(3, rows));
            Arc::new(ListArray::try_new(item(&values), offsets, values, None).unwrap())
        }
        _ => {
            let part = column(dice, rows, depth + 1);
            Arc::new(StructArray::try_new_with_length(vec![item(&part)].into(), vec![part], None, rows).unwrap())
        }
    }
}

/// A stream of a few batches, each number of rows in it replaced by a claim.
fn stream(dice: &mut Dice) -> Option<(String, Vec<u8>)> {
    let rows = dice.of(&[259, 1031, 20_011]);
    let columns = (0..=dice.below(3)).map(|number| (format!("c{number}"), column(dice, rows, 0), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut bytes = Vec::new();
    // What Arrow cannot write, nobody sends.
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).ok()?;
    writer.write(&batch).ok()?;
    writer.finish().ok()?;
    drop(writer);
    let claimed = dice.of(&[rows, rows, 1 << 20, 1 << 28, 1 << 31]);
    let (before, after) = ((rows as i64).to_le_bytes(), (claimed as i64).to_le_bytes());
    for at in 0..bytes.len().saturating_sub(8) {
        if bytes[at..at + 8] == before {
            bytes[at..at + 8].copy_from_slice(&after);
        }
    }
    let types: Vec<String> = batch.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    Some((format!("{rows} rows as {claimed} of {}", types.join(", ")), bytes))
}

/// What a host makes of a stream: pieces of an output's columns. Returns the rows of at most so many pieces.
fn take(bytes: &[u8], cut_at: usize, budget: &Budget) -> Result<usize, SegmentError> {
    let mut decoder = TableDecoder::untrusting(budget);
    let mut rows = 0;
    for piece in bytes.chunks(cut_at) {
        let mut piece = Buffer::from(piece);
        while let Some(decoded) = decoder.next(&mut piece)? {
            let table = decoder.schema().unwrap();
            let output = first_schema(table);
            let Ok(matching) = Matching::new(&output, table) else { continue };
            for piece in cut(&decoded.batch, &output, PIECE).take(50) {
                let Some(weight) = weight(&piece, &output, LIMIT) else { break };
                let _memory = budget.take(weight * 2)?;
                if let Ok(made) = matching.apply(&output, &piece) {
                    rows += made.num_rows();
                }
            }
        }
    }
    Ok(rows)
}

#[test]
fn no_table_takes_more_memory_than_its_budget() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut taken, mut refused, mut highest) = (0, 0, 0);
    for _ in 0..250 {
        let Some((what, bytes)) = stream(&mut dice) else { continue };
        let budget = Budget::new(LIMIT);
        let cut_at = dice.of(&[1 << 12, 1 << 18, usize::MAX]);
        let before = NOW.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        match take(&bytes, cut_at, &budget) {
            Ok(rows) => taken += usize::from(rows > 0),
            Err(_) => refused += 1,
        }
        let peak = PEAK.load(Ordering::Relaxed) - before;
        let copied = bytes.len().min(cut_at);
        let most = usize::try_from(LIMIT).unwrap() + copied + BESIDES;
        assert!(peak <= most, "{peak} bytes at {cut_at} bytes a piece, for {what}");
        assert_eq!(budget.left(), LIMIT, "all was given back: {what}");
        highest = highest.max(peak);
    }
    // Both ways were taken, and tables came close to what they may.
    assert!(taken > 50 && refused > 40 && highest > 4 << 20, "{taken} taken, {refused} refused, {highest} at the most");
}
