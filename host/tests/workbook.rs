//! Excel workbooks, written and read by another library: the cell of each value, and values that a sheet cannot hold.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::types::{Decimal128Type, TimestampNanosecondType};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int64Array, NullArray, PrimitiveArray,
    RecordBatch, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use calamine::{Data, Reader, Xlsx};
use longshore::table::{FileFormat, Sink, TableError};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn write(path: &Path, batches: &[RecordBatch]) -> Result<Vec<String>, TableError> {
    let file = File::create(path).unwrap();
    let mut sink =
        Sink::create(path, FileFormat::from_path(path).unwrap(), &batches[0].schema(), file, &std::env::temp_dir())?;
    for batch in batches {
        sink.write(batch)?;
    }
    let notes = sink.notes();
    let bytes = sink.finish()?;
    assert_eq!(bytes, std::fs::metadata(path).unwrap().len());
    Ok(notes)
}

/// The cells of the one sheet, by rows.
fn cells(path: &Path) -> Vec<Vec<Data>> {
    let mut book: Xlsx<_> = calamine::open_workbook(path).unwrap();
    assert_eq!(book.sheet_names(), ["Sheet1"]);
    let range = book.worksheet_range("Sheet1").unwrap();
    range.rows().map(<[Data]>::to_vec).collect()
}

fn text(text: &str) -> Data {
    Data::String(text.into())
}

/// A cell of a date or time as Excel shows it, to the millisecond.
fn shown(cell: &Data) -> String {
    let Data::DateTime(time) = cell else { panic!("{cell:?} is a date or time") };
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
}

#[test]
fn values_are_what_excel_has_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xlsx");
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    let decimals =
        PrimitiveArray::<Decimal128Type>::from(vec![Some(125), None]).with_precision_and_scale(38, 2).unwrap();
    let first = batch(vec![
        ("whole", Arc::new(Int64Array::from(vec![Some(-7), None]))),
        ("single", Arc::new(Float32Array::from(vec![Some(0.1), None]))),
        ("decimal", Arc::new(decimals)),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false)]))),
        ("text", Arc::new(StringArray::from(vec![Some("=1+1"), Some("http://example.org")]))),
        ("odd", Arc::new(StringArray::from(vec![Some(" <a>\r\n_x0041_\u{1}"), Some("007")]))),
        ("list", Arc::new(lists.finish())),
        ("date", Arc::new(Date32Array::from(vec![Some(19_753), None]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_706_705_999_123_000, -1_000_000]))),
        ("clock", Arc::new(Time64MicrosecondArray::from(vec![Some(43_200_000_000), None]))),
        ("nothing", Arc::new(NullArray::new(2))),
    ]);
    assert_eq!(write(&path, &[first.clone(), first.slice(1, 1)]).unwrap(), Vec::<String>::new());
    let rows = cells(&path);
    assert_eq!(rows.len(), 4);
    let names: Vec<Data> = first.schema().fields().iter().map(|field| text(field.name())).collect();
    assert_eq!(rows[0], names);
    assert_eq!(rows[1][..4], [Data::Float(-7.0), Data::Float(0.1), Data::Float(1.25), Data::Bool(true)]);
    assert_eq!(rows[1][4..7], [text("=1+1"), text(" <a>\r\n_x0041_\u{1}"), text("[1,null]")]);
    assert_eq!(shown(&rows[1][7]), "2024-01-31 00:00:00.000");
    assert_eq!(shown(&rows[1][8]), "2024-01-31 12:59:59.123");
    assert!(matches!(&rows[1][9], Data::DateTime(time) if time.as_f64() == 0.5), "{:?}", rows[1][9]);
    assert_eq!(rows[2][..3], [Data::Empty, Data::Empty, Data::Empty]);
    assert_eq!(rows[2][3..7], [Data::Bool(false), text("http://example.org"), text("007"), Data::Empty]);
    assert_eq!((&rows[2][7], shown(&rows[2][8])), (&Data::Empty, "1969-12-31 23:59:59.000".into()));
    assert_eq!(rows[3], rows[2]);
}

#[test]
fn what_excel_would_round_is_text_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xlsx");
    let most = 1_i64 << 53;
    let decimals = PrimitiveArray::<Decimal128Type>::from(vec![10_i128.pow(20) + 1, 5]);
    let zoned = PrimitiveArray::<TimestampNanosecondType>::from(vec![0, 1]).with_timezone("+01:00");
    let table = batch(vec![
        ("whole", Arc::new(Int64Array::from(vec![most, most + 1]))),
        ("large", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("decimal", Arc::new(decimals.with_precision_and_scale(38, 0).unwrap())),
        ("float", Arc::new(Float64Array::from(vec![f64::INFINITY, f64::NAN]))),
        ("small", Arc::new(Float64Array::from(vec![5e-324, 1e-300]))),
        ("old", Arc::new(Date32Array::from(vec![-25_509, -25_508]))),
        ("micros", Arc::new(TimestampMicrosecondArray::from(vec![1, 1_000]))),
        ("zoned", Arc::new(zoned)),
        ("empty", Arc::new(StringArray::from(vec![Some(""), None]))),
    ]);
    let notes = write(&path, &[table]).unwrap();
    let columns = ["whole", "large", "decimal", "small", "old", "micros", "zoned", "empty"];
    assert_eq!(notes.len(), columns.len(), "{notes:?}");
    for (note, column) in notes.iter().zip(columns) {
        let values = if column == "zoned" { "2 values" } else { "1 value" };
        assert!(note.starts_with(&format!("{values} of column `{column}` ")), "{note}");
    }
    let rows = cells(&path);
    assert_eq!(rows[1][0], Data::Float(9_007_199_254_740_992.0));
    assert_eq!(rows[2][0], text("9007199254740993"));
    assert_eq!((&rows[1][1], &rows[2][1]), (&text("18446744073709551615"), &Data::Float(0.0)));
    assert_eq!((&rows[1][2], &rows[2][2]), (&text("100000000000000000001"), &Data::Float(5.0)));
    assert_eq!((&rows[1][3], &rows[2][3]), (&text("inf"), &text("NaN")));
    assert_eq!((&rows[1][4], &rows[2][4]), (&text("5e-324"), &Data::Float(1e-300)));
    assert_eq!((&rows[1][5], shown(&rows[2][5])), (&text("1900-02-28"), "1900-03-01 00:00:00.000".into()));
    assert_eq!(
        (&rows[1][6], shown(&rows[2][6])),
        (&text("1970-01-01T00:00:00.000001"), "1970-01-01 00:00:00.001".into())
    );
    assert_eq!(rows[2][7], text("1970-01-01T00:00:00.000000001Z"));
    assert_eq!((&rows[1][8], &rows[2][8]), (&Data::Empty, &Data::Empty));
}

#[test]
fn names_are_bold_and_stay_in_sight() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xlsx");
    write(&path, &[batch(vec![("a", Arc::new(Int64Array::from(vec![1])))])]).unwrap();
    let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    let mut part = |name: &str| std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
    let sheet = part("xl/worksheets/sheet1.xml");
    assert!(sheet.contains("ySplit=\"1\"") && sheet.contains("state=\"frozen\""), "{sheet}");
    assert!(sheet.contains("<c r=\"A1\" s=\"1\"") && part("xl/styles.xml").contains("<b/>"), "{sheet}");
}

#[test]
fn what_a_sheet_cannot_hold_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xlsx");
    let error = |batches: &[RecordBatch]| write(&path, batches).unwrap_err().to_string();
    let texts = |length: usize| batch(vec![("t", Arc::new(StringArray::from(vec!["a".into(), "ß".repeat(length)])))]);
    assert!(write(&path, &[texts(32_767)]).is_ok());
    assert_eq!(
        error(&[texts(32_768)]),
        "column `t`, row 2: it has 32768 characters, but an Excel cell holds 32767: shorten it, or write CSV or Parquet"
    );
    let columns = (0..16_385).map(|number| (format!("c{number}"), Arc::new(NullArray::new(0)) as ArrayRef, true));
    let wide = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    assert!(error(&[wide]).contains("it has 16385 columns, but a sheet has at most 16384"));
    let nothing = |rows: usize| batch(vec![("n", Arc::new(NullArray::new(rows)))]);
    assert!(write(&path, &[nothing(1_048_575)]).is_ok());
    assert_eq!(
        error(&[nothing(1_048_575), nothing(1)]),
        "the table is too large for an Excel workbook: its row 1048576 does not fit: a sheet has 1048576 rows, one of \
         them for the names: write CSV or Parquet"
    );
}

#[test]
fn of_a_batch_that_is_refused_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xlsx");
    let texts = |values: Vec<String>| batch(vec![("t", Arc::new(StringArray::from(values)))]);
    let good = texts(vec!["good".into()]);
    let mut sink = Sink::create(
        &path,
        "xlsx".parse().unwrap(),
        &good.schema(),
        File::create(&path).unwrap(),
        &std::env::temp_dir(),
    )
    .unwrap();
    assert!(sink.write(&texts(vec!["bad".into(), "x".repeat(40_000)])).is_err());
    sink.write(&good).unwrap();
    sink.finish().unwrap();
    assert_eq!(cells(&path), [vec![text("t")], vec![text("good")]]);
}
