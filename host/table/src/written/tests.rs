//! The text of a value of each type, in cells and in JSON.

use super::*;
use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::{Decimal128Type, IntervalDayTimeType, IntervalMonthDayNanoType};
use arrow_array::{
    BinaryArray, BooleanArray, Date32Array, Date64Array, DurationMillisecondArray, DurationSecondArray,
    FixedSizeBinaryArray, Float32Array, Float64Array, Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray,
    PrimitiveArray, StringArray, StructArray, Time64NanosecondArray, TimestampNanosecondArray, UInt64Array,
};
use std::collections::HashMap;
use std::sync::Arc;

fn texts_of(array: &ArrayRef, field: &Field, form: Form) -> Vec<String> {
    let column = WrittenColumn::new(array, field, form).unwrap();
    let text = |row| {
        let mut out = Vec::new();
        match column.write_json(row, &mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(reason) => format!("! {reason}"),
        }
    };
    (0..array.len()).map(text).collect()
}

fn written(array: impl Array + 'static, form: Form) -> Vec<String> {
    let array: ArrayRef = Arc::new(array);
    texts_of(&array, &Field::new("x", array.data_type().clone(), true), form)
}

#[test]
fn numbers_have_the_digits_that_read_back() {
    assert_eq!(
        written(Int64Array::from(vec![i64::MIN, i64::MAX]), Form::Cell),
        ["-9223372036854775808", "9223372036854775807"]
    );
    assert_eq!(written(UInt64Array::from(vec![u64::MAX]), Form::Json), ["18446744073709551615"]);
    let floats = || Float64Array::from(vec![0.1, -0.0, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
    assert_eq!(written(floats(), Form::Cell), ["0.1", "-0.0", "1e+300", "inf", "-inf", "NaN"]);
    assert_eq!(written(floats(), Form::Json)[3..], ["\"Infinity\"", "\"-Infinity\"", "\"NaN\""]);
    assert_eq!(written(Float32Array::from(vec![0.1]), Form::Json), ["0.1"]);
    let decimals = PrimitiveArray::<Decimal128Type>::from(vec![-1_234_567_890_123_456_789_012_345_678]);
    let decimals = decimals.with_precision_and_scale(38, 3).unwrap();
    assert_eq!(written(decimals, Form::Json), ["-1234567890123456789012345.678"]);
    assert_eq!(written(BooleanArray::from(vec![Some(true), None]), Form::Json), ["true", "null"]);
}

#[test]
fn dates_and_times_are_those_of_iso_8601() {
    assert_eq!(written(Date32Array::from(vec![19_753, -719_162]), Form::Json), ["\"2024-01-31\"", "\"0001-01-01\""]);
    assert_eq!(
        written(Date64Array::from(vec![86_400_000, 86_400_001]), Form::Cell),
        ["1970-01-02", "1970-01-02T00:00:00.001"]
    );
    assert_eq!(written(Date64Array::from(vec![86_400_000]), Form::Json), ["\"1970-01-02\""]);
    let times = TimestampNanosecondArray::from(vec![1]).with_timezone("+00:00");
    assert_eq!(written(times, Form::Cell), ["1970-01-01T00:00:00.000000001Z"]);
    assert_eq!(written(Time64NanosecondArray::from(vec![45_000_000_000_001]), Form::Cell), ["12:30:00.000000001"]);
    let odd = written(Time64NanosecondArray::from(vec![86_400_000_000_000]), Form::Cell);
    assert_eq!(odd, ["! it is a time of day outside 24 hours"]);
    assert_eq!(
        written(DurationMillisecondArray::from(vec![1_500, -90_061_000]), Form::Json),
        ["\"PT1.5S\"", "\"-PT90061S\""]
    );
    assert_eq!(written(DurationSecondArray::from(vec![i64::MIN]), Form::Cell), ["-PT9223372036854775808S"]);
    let spans = IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNanoType::make_value(1, -2, 3_000_000_004),
        IntervalMonthDayNanoType::make_value(0, 0, 0),
        IntervalMonthDayNanoType::make_value(14, 0, -1),
    ]);
    assert_eq!(written(spans, Form::Cell), ["P1M-2DT3.000000004S", "PT0S", "P14MT-0.000000001S"]);
    assert_eq!(
        written(IntervalDayTimeArray::from(vec![IntervalDayTimeType::make_value(3, 20)]), Form::Cell),
        ["P3DT0.02S"]
    );
}

#[test]
fn bytes_are_hex_and_uuids_their_own_text() {
    assert_eq!(written(BinaryArray::from_vec(vec![b"\x00\xff", b""]), Form::Json), ["\"00ff\"", "\"\""]);
    let bytes =
        FixedSizeBinaryArray::try_from_iter([[0_u8; 15].iter().copied().chain([5]).collect::<Vec<_>>()].into_iter());
    let bytes: ArrayRef = Arc::new(bytes.unwrap());
    let plain = Field::new("x", bytes.data_type().clone(), true);
    assert_eq!(texts_of(&bytes, &plain, Form::Cell), ["00000000000000000000000000000005"]);
    let extension = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
    let uuids = plain.with_metadata(extension);
    assert_eq!(texts_of(&bytes, &uuids, Form::Cell), ["00000000-0000-0000-0000-000000000005"]);
}

#[test]
fn nested_values_are_json() {
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_value([]);
    lists.append_null();
    let lists = lists.finish();
    assert_eq!(written(lists.clone(), Form::Cell), ["[1,null]", "[]", "null"]);
    assert_eq!(written(lists.slice(1, 2), Form::Json), ["[]", "null"]);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a \"b\"\n", "", "x"]));
    let fields = vec![
        Arc::new(Field::new("t\"", text.data_type().clone(), true)),
        Arc::new(Field::new("l", lists.data_type().clone(), true)),
    ];
    let structs = StructArray::try_new(fields.into(), vec![text, Arc::new(lists)], None).unwrap();
    assert_eq!(written(structs, Form::Cell)[0], "{\"t\\\"\":\"a \\\"b\\\"\\n\",\"l\":[1,null]}");
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(1);
    maps.append(true).unwrap();
    for _ in 0..2 {
        maps.keys().append_value("k");
        maps.values().append_value(2);
    }
    maps.append(true).unwrap();
    let written_maps = written(maps.finish(), Form::Cell);
    assert_eq!(written_maps[0], "{\"k\":1}");
    assert_eq!(written_maps[1], "! its map has the key \"k\" twice, of which JSON keeps one");
    let mut maps = MapBuilder::new(None, Int64Builder::new(), Int64Builder::new());
    maps.keys().append_value(7);
    maps.values().append_null();
    maps.append(true).unwrap();
    assert_eq!(written(maps.finish(), Form::Json), ["[{\"key\":7,\"value\":null}]"]);
}
