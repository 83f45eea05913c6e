//! Text written with options, and read with the same options: generated tables with generated options come out equal,
//! or are refused.

#![allow(clippy::unwrap_used, reason = "a test may")]

use arrow_array::types::{Decimal128Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{Field, Schema};
use longshore::table::{ColumnType, FileFormat, HeaderLines, ReadOptions, Sink, Source, TableError, WriteOptions};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An endless sequence of numbers, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn is(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn values<T>(&mut self, rows: u64, mut value: impl FnMut(&mut Self) -> T) -> Vec<Option<T>> {
        (0..rows).map(|_| (!self.is(4)).then(|| value(self))).collect()
    }
}

const TEXTS: [&str; 28] = [
    "",
    "a",
    " ",
    " a",
    "b ",
    "1",
    "1,5",
    "1.234",
    "x;y",
    "x,y",
    "x\ty",
    "a|b",
    "|",
    "||",
    "\"",
    "say \"x\"",
    "two\nlines",
    "two\r\nlines",
    "\r",
    "ß",
    "€",
    "☃",
    "NA",
    "n/a",
    "-",
    "#x",
    "sep=;",
    "'",
];

/// A table of several rows with a column of each kind.
fn table(random: &mut Random) -> RecordBatch {
    let rows = random.below(6);
    let count = 1 + random.below(5);
    let columns = (0..count).map(|number| {
        let column: ArrayRef = match random.below(7) {
            0 => Arc::new(Int64Array::from(
                random.values(rows, |random| [0, 1, -7, i64::MAX, 1234, 31][usize::try_from(random.below(6)).unwrap()]),
            )),
            1 => Arc::new(Float64Array::from(random.values(rows, |random| {
                [0.5, -1234.25, 1e300, 1.0, f64::INFINITY, -0.0, 0.1][usize::try_from(random.below(7)).unwrap()]
            }))),
            2 => Arc::new(BooleanArray::from(random.values(rows, |random| random.is(2)))),
            3 => Arc::new(Date32Array::from(
                random.values(rows, |random| i32::try_from(random.below(100_000)).unwrap() - 50_000),
            )),
            4 => Arc::new(TimestampMicrosecondArray::from(random.values(rows, |random| {
                let (part, most) =
                    [(86_400_000_000, 50_000), (60_000_000, 1 << 30), (1_000_000, 1 << 31), (1, 1 << 50)]
                        [usize::try_from(random.below(4)).unwrap()];
                (i64::try_from(random.below(most)).unwrap() - i64::try_from(most).unwrap() / 3) * part
            }))),
            5 => Arc::new(
                TimestampMicrosecondArray::from(
                    random.values(rows, |random| i64::try_from(random.below(1 << 30)).unwrap() * 1_000_000),
                )
                .with_timezone("UTC"),
            ),
            _ => Arc::new(StringArray::from(random.values(rows, |random| random.one(&TEXTS)))),
        };
        let name = random.one(&["a", "größe", "x;y", " n", "#id", "1", "two words"]);
        (format!("{name}{number}"), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}

/// Options of writing, and those of them that reading has too.
fn options(random: &mut Random) -> (String, String) {
    let mut both = vec![format!("header={}", random.one(&["yes", "no"]))];
    let mut written = Vec::new();
    both.push(format!("delimiter={}", random.one(&[",", ";", "tab", "|", "||", "space", "ab", "§"])));
    let choices: [(&str, &[&str]); 6] = [
        ("decimal", &[".", ","]),
        ("dates", &["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%y", "%j/%Y"]),
        ("times", &["'%d.%m.%Y %H:%M:%S%.f'", "'%Y-%m-%d %H:%M'", "%Y%m%dT%H%M%S%z", "%d/%b/%Y:%H:%M:%S%.6f"]),
        ("missing", &["NA", "-", "n/a", "missing", "1"]),
        ("true", &["ja", "T", "yes"]),
        ("false", &["nein", "F", "no"]),
    ];
    for (key, values) in choices {
        if random.is(2) {
            both.push(format!("{key}={}", random.one(values)));
        }
    }
    if random.is(2) {
        both.push(format!("encoding={}", random.one(&["utf-8", "utf-16", "utf-16be", "windows-1252", "latin-1"])));
    }
    match random.below(5) {
        0 => both.push("quote=none".into()),
        1 => written.push("quote=all"),
        2 => written.push("quote=text"),
        _ => {}
    }
    written.push(random.one(&["line=lf", "line=crlf", "bom=yes", "bom=no"]));
    (format!("{} {}", both.join(" "), written.join(" ")), both.join(" "))
}

fn write(path: &Path, options: &WriteOptions, batch: &RecordBatch) -> Result<u64, TableError> {
    let format = FileFormat::from_path(path)?;
    let file = File::create(path).unwrap();
    let mut sink = Sink::create_as(path, format, options, &batch.schema(), file, &std::env::temp_dir())?;
    sink.write(batch)?;
    sink.finish()
}

fn read(path: &Path, options: &ReadOptions) -> Result<RecordBatch, TableError> {
    let source = Source::open_as(path, FileFormat::from_path(path)?, options, &std::env::temp_dir())?;
    let batches = source.batches()?.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow_select::concat::concat_batches(&source.schema(), &batches).unwrap())
}

/// The types of columns that a text does not imply: text, and columns without values.
fn types(batch: &RecordBatch, has_header: bool, options: &mut ReadOptions) {
    for (place, field) in batch.schema().fields().iter().enumerate() {
        let name = if has_header { field.name().clone() } else { format!("column_{}", place + 1) };
        let column = batch.column(place);
        let name_of_type = match field.data_type() {
            arrow_schema::DataType::Utf8 => "text",
            // A column without values has no known zone.
            _ if column.null_count() == column.len() => continue,
            arrow_schema::DataType::Int64 => "integer",
            arrow_schema::DataType::Float64 => "number",
            arrow_schema::DataType::Boolean => "boolean",
            arrow_schema::DataType::Date32 => "date",
            _ => "time",
        };
        options.types.insert(name, ColumnType::try_from(name_of_type.to_owned()).unwrap());
    }
}

#[test]
fn what_is_written_with_options_is_read_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(0x5eed_1234_5678_9abc);
    let mut counts = [0; 4];
    for _ in 0..1_500 {
        let batch = table(&mut random);
        let (words, read_words) = options(&mut random);
        let path = folder.path().join(random.one(&["x.csv", "x.tsv", "x.csv.gz"]));
        let (mut written, mut reading) = (WriteOptions::default(), ReadOptions::default());
        if let Err(reason) = written.add(&words).and_then(|()| written.check()) {
            assert!(reason.contains('`'), "{reason}");
            counts[0] += 1;
            continue;
        }
        reading.add(&read_words).unwrap();
        types(&batch, reading.header == Some(HeaderLines(1)), &mut reading);
        let shown = || {
            format!(
                "{words}\n{batch:?}\n{:?}",
                std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            )
        };
        match write(&path, &written, &batch) {
            Ok(bytes) => assert_eq!(bytes, std::fs::metadata(&path).unwrap().len()),
            Err(error) => {
                assert!(matches!(error, TableError::Value { .. }), "{error}: {}", shown());
                counts[1] += 1;
                continue;
            }
        }
        match read(&path, &reading) {
            Ok(found) => {
                assert_eq!(
                    (found.num_rows(), found.num_columns()),
                    (batch.num_rows(), batch.num_columns()),
                    "{}",
                    shown()
                );
                for (found, expected) in found.columns().iter().zip(batch.columns()) {
                    // A column without values has no known type.
                    if expected.null_count() < expected.len() {
                        assert_eq!(found.as_ref(), expected.as_ref(), "{}", shown());
                    } else if batch.num_columns() > 1 {
                        assert_eq!(found.null_count(), expected.len(), "{}", shown());
                    }
                }
                counts[2] += 1;
            }
            Err(TableError::Empty { .. }) => assert_eq!(batch.num_rows(), 0, "{}", shown()),
            Err(error) => panic!("{error}: {}", shown()),
        }
        counts[3] += 1;
    }
    let [options, values, equal, _] = counts;
    assert!(options > 50 && values > 200 && equal > 400, "{counts:?}");
}

fn text_of(options: &str, columns: Vec<(&str, ArrayRef)>) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("x.csv");
    let mut written = WriteOptions::default();
    written.add(options)?;
    written.check()?;
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)));
    write(&path, &written, &batch.unwrap()).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned())
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn a_table_for_a_german_excel() {
    let decimals = PrimitiveArray::<Decimal128Type>::from(vec![1_250, -5]).with_precision_and_scale(10, 2).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Ort", texts(&[Some("Köln; Süd"), None])),
        ("Preis", Arc::new(Float64Array::from(vec![1234.5, 2.0]))),
        ("Rabatt", Arc::new(decimals)),
        ("Tag", Arc::new(Date32Array::from(vec![Some(19_753), None]))),
        ("Zeit", Arc::new(TimestampMicrosecondArray::from(vec![0, 3_600_000_000]))),
        ("bar", Arc::new(BooleanArray::from(vec![true, false]))),
    ];
    let options = "delimiter=; decimal=, bom=yes dates=%d.%m.%Y times='%d.%m.%Y %H:%M' true=ja false=nein line=crlf";
    assert_eq!(
        text_of(options, columns).unwrap(),
        "\u{feff}Ort;Preis;Rabatt;Tag;Zeit;bar\r\n\"Köln; Süd\";1234,5;12,50;31.01.2024;01.01.1970 00:00;ja\r\n\
         ;2,0;-0,05;;01.01.1970 01:00;nein\r\n"
    );
}

#[test]
fn quotes_stand_where_they_are_wanted() {
    let columns = || -> Vec<(&str, ArrayRef)> {
        vec![("t", texts(&[Some("a"), Some(""), None])), ("n", Arc::new(Int64Array::from(vec![Some(1), None, None])))]
    };
    assert_eq!(text_of("", columns()).unwrap(), "t,n\na,1\n\"\",\n,\n");
    assert_eq!(text_of("quote=all", columns()).unwrap(), "\"t\",\"n\"\n\"a\",\"1\"\n\"\",\n,\n");
    assert_eq!(text_of("quote=text missing=NA", columns()).unwrap(), "\"t\",\"n\"\n\"a\",1\n\"\",NA\nNA,NA\n");
    assert_eq!(
        text_of("quote=none", columns()).unwrap_err(),
        "column `t`, row 2: `` is empty, and not missing, and `quote=none` writes it without quotes: use `quote=needed`"
    );
}

#[test]
fn what_would_not_be_read_back_is_refused() {
    let refused =
        |options: &str, column: ArrayRef| text_of(options, vec![("c", column), ("d", texts(&[None]))]).unwrap_err();
    let micros = |value| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![value])) };
    assert_eq!(
        refused("missing=NA", texts(&[Some("NA")])),
        "column `c`, row 1: `NA` is a value in it and would be read as missing: choose another word for `missing=`"
    );
    assert!(refused("missing=-1", Arc::new(Int64Array::from(vec![-1]))).contains("another word"));
    assert_eq!(
        refused("encoding=windows-1252", texts(&[Some("a ☃")])),
        "column `c`, row 1: it has `☃`, which windows-1252 cannot encode: use `encoding=utf-8`"
    );
    assert!(refused("dates=%d.%m.%y", Arc::new(Date32Array::from(vec![-30_000]))).contains("`%Y` shows the full year"));
    assert!(refused("times='%Y-%m-%d %H:%M'", micros(1_000_000)).contains("`%H:%M:%S` the time to the second"));
    let zoned = PrimitiveArray::<TimestampNanosecondType>::from(vec![0]).with_timezone("+01:00");
    assert!(refused("times='%Y-%m-%d %H:%M:%S%.f'", Arc::new(zoned)).contains("it has a zone, which `%z` shows"));
    assert!(refused("times=%Y-%m-%dT%H:%M:%S%z", micros(0)).contains("it has no zone"));
    let alone = text_of("header=no", vec![("c", texts(&[None, Some("a")]))]).unwrap_err();
    assert!(alone.contains("`missing=NA` writes a word"), "{alone}");
}

/// Times that are marked as midnights.
fn days(name: &str, values: Vec<Option<i64>>) -> RecordBatch {
    let said = HashMap::from([("longshore.only_days".to_owned(), "true".to_owned())]);
    let column: ArrayRef = Arc::new(TimestampMicrosecondArray::from(values));
    let field = Field::new(name, column.data_type().clone(), true).with_metadata(said);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap()
}

#[test]
fn times_that_are_midnights_are_dates_in_text_alone() {
    const DAY: i64 = 86_400_000_000;
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, options: &str, batches: &[RecordBatch]| {
        let path = folder.path().join(name);
        let format = FileFormat::from_path(&path).unwrap();
        let mut write = WriteOptions::default();
        write.add(options).unwrap();
        let file = File::create(&path).unwrap();
        let mut sink =
            Sink::create_as(&path, format, &write, &batches[0].schema(), file, &std::env::temp_dir()).unwrap();
        batches.iter().for_each(|batch| sink.write(batch).unwrap());
        let notes = sink.notes();
        sink.finish().unwrap();
        (String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(), notes)
    };
    let midnights = || days("d", vec![Some(-DAY), None, Some(19_753 * DAY)]);
    assert_eq!(written("x.csv", "", &[midnights()]), ("d\n1969-12-31\n\"\"\n2024-01-31\n".into(), vec![]));
    assert_eq!(written("x.csv", "dates=%d.%m.%Y missing=NA", &[midnights()]).0, "d\n31.12.1969\nNA\n31.01.2024\n");
    let both = written("x.csv", "dates=%d.%m.%Y times=%d.%m.%YT%H missing=-", &[midnights()]);
    assert_eq!(both.0, "d\n31.12.1969\n-\n31.01.2024\n");
    let times = written("x.csv", "times='%Y-%m-%d %H:%M' missing=-", &[midnights()]);
    assert_eq!(times.0, "d\n1969-12-31 00:00\n-\n2024-01-31 00:00\n");
    assert_eq!(written("x.ndjson", "", &[days("d", vec![Some(0)])]).0, "{\"d\":\"1970-01-01\"}\n");
    let (text, notes) =
        written("x.csv", "", &[days("d", vec![Some(0)]), days("d", vec![Some(1_000_000)]), midnights()]);
    assert!(text.starts_with("d\n1970-01-01\n1970-01-01T00:00:01\n1969-12-31T00:00:00\n"), "{text}");
    assert!(notes.len() == 1 && notes[0].starts_with("column `d` has only dates above row 2"), "{notes:?}");
    for name in ["x.parquet", "x.arrow"] {
        written(name, "", &[midnights()]);
        let path = folder.path().join(name);
        let source = Source::open(&path, FileFormat::from_path(&path).unwrap(), &std::env::temp_dir()).unwrap();
        assert_eq!(
            source.schema().field(0),
            &Field::new("d", midnights().column(0).data_type().clone(), true),
            "{name}"
        );
    }
}

#[test]
fn nanoseconds_keep_their_digits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let column = PrimitiveArray::<TimestampNanosecondType>::from(vec![Some(1_706_659_200_123_456_789), Some(1), None]);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("t", Arc::new(column) as ArrayRef, true),
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3])), true),
    ]);
    let batch = batch.unwrap();
    write(&path, &WriteOptions::default(), &batch).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "t,n\n2024-01-31T00:00:00.123456789,1\n1970-01-01T00:00:00.000000001,2\n,3\n");
    assert_eq!(read(&path, &ReadOptions::default()).unwrap().column(0).as_ref(), batch.column(0).as_ref());
}
