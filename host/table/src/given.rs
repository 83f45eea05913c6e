//! Tables that a program already has: record batches, a reader of batches that can be read once, a segment. They become
//! a table source like a file's: plain columns, in batches of bounded size. Files are in `source.rs`.

use super::batches::{Batches, Guarded, gave_up};
use super::budget;
use super::error::TableError;
use super::guard::guarded;
use super::passing_batches::PassingBatches;
use super::slices::Plain;
use super::source::Source;
use super::table_source::TableSource;
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_data::ArrayData;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Schema, SchemaRef};
use longshore_model::table::{Compression, FileFormat, Format, ReadOptions};
use longshore_os::temporary::TemporaryFile;
use longshore_segment::{Mapping, Segment, Side, TableDecoder, plain_schema};
use std::io::{BufWriter, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The alignment of buffers in a segment.
const ALIGNMENT: usize = 64;

/// The least that batches of a segment have on average, in bytes, for the segment to be served as it is: a reader
/// joins batches of a MiB about as fast as it copies memory, and a million of a row each not at all.
const BATCH_BYTES: u64 = 1 << 20;

/// A reader of record batches.
pub type BatchReader = Box<dyn RecordBatchReader + Send>;

impl TableSource {
    /// Batches of one table, which can be read any number of times. `name` identifies it in errors.
    ///
    /// # Errors
    /// [`TableError`] if a batch has other columns than `schema`.
    pub fn of_batches(name: &str, schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Self, TableError> {
        let plain = plain_schema(schema, Side::Input);
        let batches = plain_batches(name, schema, &plain, batches.into_iter().map(Ok)).collect::<Result<_, _>>()?;
        Ok(Self::Memory { schema: plain, batches, segment: None })
    }

    /// The batches of a reader, kept in an unnamed file in `temporary_folder`. Blocks until the reader ends.
    ///
    /// # Errors
    /// [`TableError`]: the reader's own error, a batch with other columns than its schema, or a file that cannot be
    /// written.
    pub fn spool_batches(name: &str, reader: BatchReader, temporary_folder: &Path) -> Result<Self, TableError> {
        let path = Path::new(name);
        let failed = |source| TableError::Write { path: path.to_owned(), source };
        let arrow = |source| TableError::Arrow { path: path.to_owned(), source };
        let (plain, batches) = given(name, reader)?;
        let file = TemporaryFile::new_in(temporary_folder).map_err(failed)?;
        let target = BufWriter::new(file.try_clone().map_err(failed)?);
        let mut writer = StreamWriter::try_new(target, &plain).map_err(arrow)?;
        for batch in batches {
            writer.write(&batch?).map_err(arrow)?;
        }
        writer.finish().map_err(arrow)?;
        drop(writer);
        let mut file = file.into_file();
        file.rewind().map_err(failed)?;
        let format = FileFormat { format: Format::ArrowStream, compression: Compression::None };
        Source::of(path, file, format, &ReadOptions::default(), temporary_folder).map(Self::Stored)
    }

    /// The batches of a reader, which can be read once.
    ///
    /// # Errors
    /// [`TableError`] if the reader panics.
    pub fn pass_batches(name: &str, reader: BatchReader) -> Result<Self, TableError> {
        let (schema, batches) = given(name, reader)?;
        Ok(Self::Passing(PassingBatches::new(schema, batches)))
    }

    /// The table of a segment, all of which is checked. A segment with plain columns in one batch, or in large ones, is
    /// served as it is; others are copied out of it once when they are served.
    ///
    /// # Errors
    /// [`TableError`] if the segment does not hold a whole Arrow stream.
    pub fn of_segment(name: &str, segment: Segment) -> Result<Self, TableError> {
        let damaged = |reason: String| TableError::Damaged { path: PathBuf::from(name), reason };
        let mut bytes = Mapping::private(&segment).map_err(|error| damaged(error.to_string()))?.into_buffer();
        let memory = bytes.as_ptr() as usize..bytes.as_ptr() as usize + bytes.len();
        let mut decoder = TableDecoder::untrusting(budget::host());
        let mut batches = Vec::new();
        while let Some(decoded) = decoder.next(&mut bytes).map_err(|error| damaged(error.to_string()))? {
            batches.push(decoded.batch);
        }
        let schema = decoder.finish().map_err(|error| damaged(error.to_string()))?;
        // It can no longer change, and holds what was checked: readers may trust it.
        let are_few = batches.len() == 1 || segment.length() / BATCH_BYTES >= batches.len() as u64;
        let is_whole = !batches.is_empty()
            && are_few
            && plain_schema(&schema, Side::Input) == schema
            && batches.iter().all(|batch| is_laid_out(batch, &memory));
        let mut source = Self::of_batches(name, &schema, batches)?;
        if let Self::Memory { segment: same, .. } = &mut source {
            *same = is_whole.then(|| Arc::new(segment));
        }
        Ok(source)
    }
}

/// Whether the buffers of a batch are in this memory as the protocol wants them: a reader uses them in place.
fn is_laid_out(batch: &RecordBatch, memory: &Range<usize>) -> bool {
    fn is_aligned(data: &ArrayData, memory: &Range<usize>) -> bool {
        let buffers = data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer()));
        let mut starts = buffers.filter(|buffer| !buffer.is_empty()).map(|buffer| buffer.as_ptr() as usize);
        starts.all(|start| memory.contains(&start) && start.is_multiple_of(ALIGNMENT))
            && data.offset() == 0
            && data.child_data().iter().all(|child| is_aligned(child, memory))
    }
    batch.columns().iter().all(|column| is_aligned(&column.to_data(), memory))
}

/// The batches of a reader, with plain columns. A panic of the reader is an error.
fn given(name: &str, reader: BatchReader) -> Result<(SchemaRef, Batches), TableError> {
    let path = PathBuf::from(name);
    let schema = guarded(|| reader.schema()).map_err(|panicked| gave_up(&path, &panicked))?;
    let plain = plain_schema(&schema, Side::Input);
    let failed = path.clone();
    let batches = reader.map(move |batch| batch.map_err(|source| TableError::Arrow { path: failed.clone(), source }));
    let batches: Batches = Box::new(plain_batches(name, &schema, &plain, batches));
    Ok((plain, Box::new(Guarded::new(batches, &path))))
}

/// Batches whose columns are checked against the schema, made plain and cut to bounded sizes.
fn plain_batches<I: Iterator<Item = Result<RecordBatch, TableError>>>(
    name: &str,
    schema: &SchemaRef,
    plain: &SchemaRef,
    batches: I,
) -> impl Iterator<Item = Result<RecordBatch, TableError>> + use<I> {
    let (path, wanted) = (PathBuf::from(name), Arc::clone(schema));
    let named = path.clone();
    let checked = batches.enumerate().map(move |(number, batch)| {
        let batch = batch?;
        if is_alike(&wanted, &batch.schema()) {
            return Ok(batch);
        }
        let reason = format!("batch {number} has other columns than the table");
        Err(TableError::NotAsDeclared { path: named.clone(), reason })
    });
    Plain::new(checked, path, Arc::clone(plain))
}

/// Whether a batch's columns have the names and types of the table's.
fn is_alike(table: &Schema, batch: &Schema) -> bool {
    let same = |(one, other): (&arrow_schema::FieldRef, &arrow_schema::FieldRef)| {
        one.name() == other.name() && one.data_type() == other.data_type()
    };
    table.fields().len() == batch.fields().len() && table.fields().iter().zip(batch.fields()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int64Type;
    use arrow_array::{Array, ArrayRef, Int64Array, RecordBatchIterator, StringArray, StringViewArray, cast::AsArray};
    use arrow_schema::ArrowError;
    use longshore_segment::{is_flat, write_whole};

    fn batch(from: i64, rows: i64) -> RecordBatch {
        let text: Vec<String> = (from..from + rows).map(|number| format!("row {number}")).collect();
        let columns: [(&str, ArrayRef); 2] = [
            ("n", Arc::new((from..from + rows).collect::<Int64Array>())),
            ("text", Arc::new(StringViewArray::from_iter_values(text))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn reader(batches: Vec<Result<RecordBatch, ArrowError>>) -> BatchReader {
        Box::new(RecordBatchIterator::new(batches, batch(0, 1).schema()))
    }

    fn numbers(batches: Batches) -> Vec<Vec<i64>> {
        batches.map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
    }

    fn failure(feed: &TableSource) -> String {
        let mut batches = feed.chunks(10).unwrap().unwrap();
        batches.find_map(Result::err).unwrap().to_string()
    }

    #[test]
    fn batches_become_plain_and_are_read_as_often_as_is_needed() {
        let schema = batch(0, 1).schema();
        let feed = TableSource::of_batches("sales", &schema, vec![batch(0, 3), batch(3, 2)]).unwrap();
        for _ in 0..2 {
            assert_eq!(numbers(feed.stored().unwrap().unwrap()), [vec![0, 1, 2], vec![3, 4]]);
        }
        let first = feed.stored().unwrap().unwrap().next().unwrap().unwrap();
        assert_eq!(first.column(1).as_ref(), &StringArray::from(vec!["row 0", "row 1", "row 2"]) as &dyn Array);
        assert!(is_flat(&feed.schema()));
        let other = RecordBatch::try_from_iter([("m", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
        let error = TableSource::of_batches("sales", &schema, vec![batch(0, 1), other]).unwrap_err();
        assert_eq!(error.to_string(), "`sales` is not as declared: batch 1 has other columns than the table");
    }

    #[test]
    fn a_reader_is_kept_or_passes_once() {
        let batches = || reader(vec![Ok(batch(0, 3)), Ok(batch(3, 1))]);
        let kept = TableSource::spool_batches("sales", batches(), &std::env::temp_dir()).unwrap();
        for _ in 0..2 {
            assert_eq!(numbers(kept.stored().unwrap().unwrap()).concat(), [0, 1, 2, 3]);
        }
        let passing = TableSource::pass_batches("sales", batches()).unwrap();
        assert!(passing.stored().unwrap().is_none());
        assert_eq!(numbers(passing.chunks(2).unwrap().unwrap()), [vec![0, 1], vec![2], vec![3]]);
        assert!(passing.chunks(2).unwrap().is_none());
    }

    #[test]
    fn a_reader_that_fails_or_panics_is_an_error_of_the_table() {
        let failed = || Err(ArrowError::ComputeError("no more".into()));
        let error = TableSource::spool_batches("sales", reader(vec![Ok(batch(0, 1)), failed()]), &std::env::temp_dir())
            .unwrap_err();
        assert_eq!(error.to_string(), "`sales`: Compute error: no more");
        let passing = TableSource::pass_batches("sales", reader(vec![Ok(batch(0, 1)), failed()])).unwrap();
        assert_eq!(failure(&passing), error.to_string());
        let panics = std::iter::from_fn(|| panic!("on purpose"));
        let panics = Box::new(RecordBatchIterator::new(panics, batch(0, 1).schema()));
        let passing = TableSource::pass_batches("sales", panics).unwrap();
        assert_eq!(failure(&passing), "`sales` is truncated or damaged: its reader gave up: on purpose");
    }

    #[test]
    fn a_segment_is_the_table_in_it() {
        let schema = plain_schema(&batch(0, 1).schema(), Side::Input);
        let whole = TableSource::of_batches("x", &batch(0, 1).schema(), vec![batch(0, 3)]).unwrap();
        let batches = whole.stored().unwrap().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        let segment = write_whole(&schema, batches).unwrap();
        let share = |length| Segment::receive(segment.share().unwrap(), length).unwrap();
        let feed = TableSource::of_segment("sales", share(segment.length())).unwrap();
        assert_eq!(numbers(feed.stored().unwrap().unwrap()).concat(), [0, 1, 2]);
        let error = TableSource::of_segment("sales", share(segment.length() / 2)).unwrap_err().to_string();
        assert!(error.starts_with("`sales` is truncated or damaged: "), "{error}");
    }

    #[test]
    fn a_segment_that_readers_can_use_in_place_is_passed_on() {
        let file = |segment: &Segment| {
            let found = rustix::fs::fstat(segment.share().unwrap()).unwrap();
            (found.st_dev, found.st_ino)
        };
        let passed_on = |segment: Segment| {
            let own = file(&segment);
            let feed = TableSource::of_segment("sales", segment).unwrap();
            assert!(feed.segment(&mut |_| false).is_none(), "the budget decides");
            feed.segment(&mut |_| true).map(|passed| file(&passed) == own)
        };
        let schema = plain_schema(&batch(0, 1).schema(), Side::Input);
        let plain = |from, rows| {
            let source = TableSource::of_batches("x", &batch(0, 1).schema(), vec![batch(from, rows)]).unwrap();
            source.stored().unwrap().unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        assert_eq!(passed_on(write_whole(&schema, plain(0, 1000)).unwrap()), Some(true));
        // In many small batches, with columns that are converted, or laid out for other readers, it is copied.
        let stream = |alignment: usize, batches: &[RecordBatch]| {
            let options = arrow_ipc::writer::IpcWriteOptions::try_new(alignment, false, arrow_ipc::MetadataVersion::V5);
            let schema = batches[0].schema();
            let mut bytes = Vec::new();
            let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options.unwrap()).unwrap();
            batches.iter().for_each(|batch| writer.write(batch).unwrap());
            writer.finish().unwrap();
            drop(writer);
            Segment::copy_of(bytes.as_slice()).unwrap()
        };
        assert_eq!(passed_on(stream(64, &[plain(0, 10), plain(10, 10)].concat())), None);
        assert_eq!(passed_on(stream(64, &[plain(0, 60_000), plain(0, 60_000)].concat())), Some(true));
        assert_eq!(passed_on(stream(64, &[batch(0, 10)])), None);
        assert_eq!(passed_on(stream(8, &plain(0, 11))), None);
    }
}
