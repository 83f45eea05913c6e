//! Every format, written and read back: values, nulls, types and names, tables without rows, and unsupported values.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampSecondArray,
};
use arrow_schema::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use longshore::table::{FileFormat, Sink, Source};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const FORMATS: [&str; 13] = [
    "csv",
    "csv.gz",
    "csv.zst",
    "tsv",
    "tsv.gz",
    "tsv.zst",
    "ndjson",
    "ndjson.gz",
    "ndjson.zst",
    "parquet",
    "arrow",
    "arrows",
    "arrows.zst",
];

fn table(rows: i64) -> RecordBatch {
    let some = |n: &i64| n % 4 != 3;
    let all: Vec<i64> = (0..rows).collect();
    let text = |n: &i64| ["plain", "ü \"quoted\", with\na line", "a\tb", " spaces "][usize::try_from(n % 4).unwrap()];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("whole number", Arc::new(all.iter().map(|n| some(n).then_some(n * 7 - 3)).collect::<Int64Array>())),
        (
            "float",
            Arc::new(
                all.iter()
                    .map(|n| some(n).then_some(f64::from(u32::try_from(*n).unwrap()) / 8.0 + 0.5))
                    .collect::<Float64Array>(),
            ),
        ),
        ("größe", Arc::new(all.iter().map(|n| some(n).then(|| text(n))).collect::<StringArray>())),
        ("flag", Arc::new(all.iter().map(|n| some(n).then_some(n % 2 == 0)).collect::<BooleanArray>())),
        (
            "day",
            Arc::new(all.iter().map(|n| some(n).then_some(i32::try_from(*n).unwrap() * 100)).collect::<Date32Array>()),
        ),
        (
            "time",
            Arc::new(all.iter().map(|n| some(n).then_some(n * 1_234_567_891)).collect::<TimestampMicrosecondArray>()),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn write(path: &Path, format: FileFormat, batches: &[RecordBatch]) -> u64 {
    let file = File::options().create(true).truncate(true).write(true).open(path).unwrap();
    let mut sink = Sink::create(path, format, &batches[0].schema(), file, &std::env::temp_dir()).unwrap();
    for batch in batches {
        sink.write(batch).unwrap();
    }
    sink.finish().unwrap()
}

fn read(path: &Path, format: FileFormat) -> RecordBatch {
    let source = Source::open(path, format, &std::env::temp_dir()).unwrap();
    let batches: Vec<_> = source.batches().unwrap().collect::<Result<_, _>>().unwrap();
    let again: Vec<_> = source.batches().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(batches, again, "a second reading is the same");
    arrow_select::concat::concat_batches(&source.schema(), &batches).unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in FORMATS {
        let path = folder.path().join(format!("table.{name}"));
        let format = FileFormat::from_path(&path).unwrap();
        let bytes = write(&path, format, &[table(3), table(0), table(1000)]);
        assert_eq!(bytes, std::fs::metadata(&path).unwrap().len(), "{name}");
        let expected = arrow_select::concat::concat_batches(&table(0).schema(), &[table(3), table(1000)]).unwrap();
        let found = read(&path, format);
        assert_eq!(found.num_columns(), 6, "{name}");
        for field in expected.schema().fields() {
            let column = found.column_by_name(field.name()).unwrap_or_else(|| panic!("{name} has `{}`", field.name()));
            assert_eq!(
                column.as_ref(),
                expected.column_by_name(field.name()).unwrap().as_ref(),
                "{name}: {}",
                field.name()
            );
        }
    }
}

#[test]
fn a_table_without_rows_keeps_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["csv", "tsv", "parquet", "arrow", "arrows"] {
        let path = folder.path().join(format!("empty.{name}"));
        let format = FileFormat::from_path(&path).unwrap();
        write(&path, format, &[table(0)]);
        let found = read(&path, format);
        assert_eq!((found.num_rows(), found.num_columns()), (0, 6), "{name}");
        assert_eq!(found.schema().field(2).name(), "größe", "{name}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let schema =
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("span", interval, true)]));
    let refused = |name: &str, schema: &Arc<Schema>| {
        let path = folder.path().join(name);
        let file = File::create(&path).unwrap();
        Sink::create(&path, FileFormat::from_path(&path).unwrap(), schema, file, &std::env::temp_dir())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("x.parquet", &schema),
        "column `span` is Interval(MonthDayNano), which Parquet cannot hold: convert it first"
    );
    let empty = Arc::new(Schema::empty());
    assert_eq!(refused("x.csv", &empty), "the table has no columns, which CSV cannot hold");
}

#[test]
fn nested_columns_become_json_in_csv() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = arrow_array::builder::ListBuilder::new(arrow_array::builder::Int64Builder::new());
    list.append_value([Some(1), None]);
    list.append_null();
    let zoned = TimestampMicrosecondArray::from(vec![Some(0), None]).with_timezone("Europe/Berlin");
    let columns: Vec<(&str, ArrayRef)> = vec![("l", Arc::new(list.finish())), ("z", Arc::new(zoned))];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap();
    let path = folder.path().join("nested.csv");
    write(&path, FileFormat::from_path(&path).unwrap(), &[batch]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "l,z\n\"[1,null]\",1970-01-01T00:00:00Z\n,\n");
}

#[test]
fn times_in_seconds_are_times_in_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seconds.parquet");
    let times = TimestampSecondArray::from(vec![Some(1_704_585_600), None]);
    write(
        &path,
        "parquet".parse().unwrap(),
        &[RecordBatch::try_from_iter([("t", Arc::new(times) as ArrayRef)]).unwrap()],
    );
    // As other libraries see it, which ignore the Arrow schema beside Parquet's own.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(&path).unwrap(), options).unwrap();
    assert_eq!(*reader.schema().field(0).data_type(), DataType::Timestamp(TimeUnit::Millisecond, None));
    let expected = TimestampMillisecondArray::from(vec![Some(1_704_585_600_000), None]);
    assert_eq!(reader.build().unwrap().next().unwrap().unwrap().column(0).as_ref(), &expected as &dyn Array);
}

#[test]
fn standard_input_is_spooled_and_read_as_often_as_asked() {
    let source = Source::spool(
        "standard input",
        &b"a;b\n1;x\n"[..],
        "csv".parse().unwrap(),
        &Default::default(),
        &std::env::temp_dir(),
    )
    .unwrap();
    for _ in 0..2 {
        let batches: Vec<_> = source.batches().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
        assert_eq!(batches[0].column(1).as_ref(), &StringArray::from(vec!["x"]) as &dyn Array);
    }
}
